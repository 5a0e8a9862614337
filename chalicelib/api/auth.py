"""Signing in and out, registering, and new passwords."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts import recovery, service, sessions, signing_in
from chalicelib.accounts.errors import (
    EmailTaken,
    InvalidCredentials,
    InvalidLink,
    InvalidToken,
    RegistrationClosed,
    TooManyAttempts,
    UsernameTaken,
)
from chalicelib.accounts.passwords import hash_password, password_matches
from chalicelib.accounts.rules import PASSWORD_RULES, SIGNED_IN
from chalicelib.accounts.schemas import (
    ForgotIn,
    ForgotOut,
    LoginIn,
    MeOut,
    PasswordChangeIn,
    PasswordRuleOut,
    PasswordRulesOut,
    RefreshIn,
    RegistrationIn,
    ResetIn,
    TokenOut,
)
from chalicelib.accounts.sessions import SignedIn
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint
from chalicelib.core.clock import read_clock

blueprint = Blueprint(__name__)


@endpoint(
    blueprint, "GET", "/auth/password-rules", roles=None, answer=PasswordRulesOut, work="nothing"
)
def list_password_rules(_request: Request) -> Answer:
    """List the rules that a new password must keep."""
    rules = [PasswordRuleOut.model_validate(rule) for rule in PASSWORD_RULES]
    return Answer.of(PasswordRulesOut(rules=rules))


@endpoint(
    blueprint,
    "POST",
    "/auth/register",
    roles=None,
    body=RegistrationIn,
    answer=MeOut,
    status=201,
    creates=True,
    errors=(RegistrationClosed, UsernameTaken, EmailTaken, TooManyAttempts),
)
def register(request: Request) -> Answer:
    """Make a student's account."""
    me = service.register(request.connection, request.stranger, request.body)
    return Answer(me.json)


@endpoint(
    blueprint,
    "POST",
    "/auth/login",
    roles=None,
    body=LoginIn,
    answer=TokenOut,
    errors=(InvalidCredentials, TooManyAttempts),
    work="units",
)
def login(request: Request) -> Answer:
    """Sign in with username or e-mail address and password."""
    body: LoginIn = request.body
    with request.transaction() as connection:
        attempt = signing_in.begin_sign_in(connection, request.stranger, body.username)
    matches = password_matches(attempt.password_hash, body.password)
    with request.transaction() as connection:
        now = read_clock(connection)
        return _tokens(
            signing_in.finish_sign_in(connection, request.stranger, attempt, matches, now)
        )


@endpoint(
    blueprint,
    "POST",
    "/auth/refresh",
    roles=None,
    body=RefreshIn,
    answer=TokenOut,
    errors=(InvalidToken,),
)
def refresh(request: Request) -> Answer:
    """Exchange a refresh token for new tokens; one that comes twice ends the session."""
    token = request.body.refresh_token
    now = read_clock(request.connection)
    return _tokens(sessions.refresh_session(request.connection, request.stranger, token, now))


@endpoint(blueprint, "POST", "/auth/logout", roles=None, body=RefreshIn, status=204)
def logout(request: Request) -> Answer:
    """End the session of a refresh token, access tokens included."""
    sessions.end_session(request.connection, request.stranger, request.body.refresh_token)
    return Answer()


@endpoint(
    blueprint,
    "POST",
    "/auth/change-password",
    roles=SIGNED_IN,
    body=PasswordChangeIn,
    status=204,
    errors=(TooManyAttempts,),
    work="units",
)
def change_password(request: Request) -> Answer:
    """Set a new password; all other sessions end, this one stays."""
    body: PasswordChangeIn = request.body
    with request.transaction() as connection:
        present = service.begin_password_change(connection, request.caller, body.new_password)
    if not password_matches(present.password_hash, body.current_password):
        with request.transaction() as connection:
            service.refuse_password_change(connection, request.caller)
    new_hash = hash_password(body.new_password)
    with request.transaction() as connection:
        service.change_password(connection, request.caller, request.session, present, new_hash)
    return Answer()


@endpoint(
    blueprint,
    "POST",
    "/auth/forgot-username",
    roles=None,
    body=ForgotIn,
    answer=ForgotOut,
    status=202,
    errors=(TooManyAttempts,),
)
def forgot_username(request: Request) -> Answer:
    """Have the username sent to an e-mail address; the answer is the same for any."""
    address = request.body.email
    recovery.ask_for_mail(request.connection, request.stranger, "forgot_username", address)
    return Answer.of(ForgotOut())


@endpoint(
    blueprint,
    "POST",
    "/auth/forgot-password",
    roles=None,
    body=ForgotIn,
    answer=ForgotOut,
    status=202,
    errors=(TooManyAttempts,),
)
def forgot_password(request: Request) -> Answer:
    """Have a link that sets a new password sent to an e-mail address; the answer is the same for
    any.
    """
    address = request.body.email
    recovery.ask_for_mail(request.connection, request.stranger, "forgot_password", address)
    return Answer.of(ForgotOut())


@endpoint(
    blueprint,
    "POST",
    "/auth/reset-password",
    roles=None,
    body=ResetIn,
    status=204,
    errors=(InvalidLink,),
    work="units",
)
def reset_password(request: Request) -> Answer:
    """Set a new password with the link of a mail; all sessions end."""
    body: ResetIn = request.body
    with request.transaction() as connection:
        holder = recovery.get_holder(connection, body.token)
    service.check_new_password("new_password", body.new_password, holder.username, holder.email)
    new_hash = hash_password(body.new_password)
    with request.transaction() as connection:
        recovery.reset_password(connection, request.stranger, body.token, new_hash)
    return Answer()


def _tokens(signed_in: SignedIn) -> Answer:
    return Answer.of(
        TokenOut(
            access_token=signed_in.access.token,
            refresh_token=signed_in.refresh_token,
            expires_in=signed_in.access.expires_in_seconds,
        )
    )
