"""What can be wrong with an account or a sign-in."""

from __future__ import annotations

from chalicelib.core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    TooManyRequests,
    Unauthenticated,
)


class InvalidCredentials(Unauthenticated):
    """The same for an unknown name, a wrong password and an inactive user."""

    code = "invalid_credentials"
    title = "Wrong name or password"
    detail = "The name or the password is wrong."


class InvalidToken(Unauthenticated):
    code = "invalid_token"
    detail = "The access token does not hold or has expired; sign in again."


class UsernameTaken(Conflict):
    code = "username_taken"
    title = "Username taken"
    detail = "Another user has this username, or one that looks like it."


class EmailTaken(Conflict):
    code = "email_taken"
    title = "E-mail address taken"
    detail = "Another user has this e-mail address."


class InvalidLink(BadRequest):
    """A link that sets a password: used up, expired, or never sent; the three look the same."""

    code = "invalid_token"
    title = "Invalid link"
    detail = "The link was used before, has expired, or is not one of ours; ask for another."


class TooManyAttempts(TooManyRequests):
    code = "too_many_attempts"
    title = "Too many attempts"
    detail = "Too many attempts; wait for as long as Retry-After says."


class RegistrationClosed(Forbidden):
    code = "registration_closed"
    title = "Registration closed"
    detail = "This school makes accounts itself; ask its office for one."


class LastManager(Conflict):
    code = "last_manager"
    title = "The last manager"
    detail = "Somebody active has to be left who manages; make another manager first."


class UserErased(Conflict):
    code = "user_erased"
    title = "User erased"
    detail = "This account was erased; nothing of it can be changed."


class UserInactive(Conflict):
    code = "user_inactive"
    title = "User not active"
    detail = "This user is not active; activate the account first."


class MailSuppressed(Conflict):
    code = "mail_suppressed"
    title = "Mail suppressed"
    detail = "Mails to this address came back, or were complained about; none is sent any more."
