"""Signing in, and who one is then."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts import service
from chalicelib.accounts.errors import InvalidCredentials
from chalicelib.accounts.rules import PASSWORD_RULES, SIGNED_IN
from chalicelib.accounts.schemas import (
    LoginIn,
    MeOut,
    PasswordRuleOut,
    PasswordRulesOut,
    TokenOut,
)
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint

blueprint = Blueprint(__name__)


@endpoint(
    blueprint, "GET", "/auth/password-rules", roles=None, answer=PasswordRulesOut, work="nothing"
)
def list_password_rules(_request: Request) -> Answer:
    """List the rules that a new password must keep."""
    rules = [PasswordRuleOut.model_validate(rule) for rule in PASSWORD_RULES]
    return Answer.of(PasswordRulesOut(rules=rules))


# A lone read, so that no server connection waits while the password is hashed.
@endpoint(
    blueprint,
    "POST",
    "/auth/login",
    roles=None,
    body=LoginIn,
    answer=TokenOut,
    errors=(InvalidCredentials,),
    work="lone_read",
)
def login(request: Request) -> Answer:
    """Sign in with username or e-mail address and password."""
    body: LoginIn = request.body
    issued = service.sign_in(request.connection, body.username, body.password, request.now)
    return Answer.of(TokenOut(access_token=issued.token, expires_in=issued.expires_in_seconds))


@endpoint(blueprint, "GET", "/auth/me", roles=SIGNED_IN, answer=MeOut)
def get_me(request: Request) -> Answer:
    """Say who is signed in."""
    return Answer(service.get_me(request.connection, request.caller))
