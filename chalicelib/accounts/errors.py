"""What can be wrong with an account or a sign-in."""

from __future__ import annotations

from chalicelib.core.errors import Conflict, Unauthenticated


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
