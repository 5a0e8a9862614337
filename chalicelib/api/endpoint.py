"""One decorator that makes a function a route: caller and roles, parsed path, query and body, a
connection with the right kind of work, the answer with its conditions, and every error as a
problem. What all answers carry (CORS, request id) is in application.py.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from chalice.app import Blueprint, Response
from chalice.app import Request as ChaliceRequest
from pydantic import BaseModel, SecretStr
from sqlalchemy import Connection

from chalicelib.accounts import tokens
from chalicelib.accounts.rules import Caller, Role, Stranger
from chalicelib.accounts.sessions import living
from chalicelib.accounts.tokens import Claims, SessionName
from chalicelib.api import preflight, registry
from chalicelib.api.answers import JSON, Answer
from chalicelib.api.bodies import parse_json, parse_query
from chalicelib.api.conditions import allows_change, is_known
from chalicelib.api.paths import converters_of
from chalicelib.api.problems import as_told, problem
from chalicelib.core import database
from chalicelib.core.clock import utc_now
from chalicelib.core.errors import (
    DatabaseAway,
    Forbidden,
    PayloadTooLarge,
    PreconditionFailed,
    RollcallError,
    Unauthenticated,
    UnsupportedMediaType,
)
from chalicelib.core.preconditions import Precondition
from chalicelib.core.settings import get_settings
from chalicelib.idempotency.service import Claim, KeptAnswer, claim_key, keep_answer, release_key

MIB = 1024 * 1024
# Who has waited for longer is told at once.
_SOON_SECONDS = 1.0
_REPLAYED = "Idempotency-Replayed"


@dataclass(slots=True, kw_only=True)
class Request:
    """A request as a route sees it: checked and parsed.

    `caller` and `session` are None only where the endpoint is open to anyone; `raw` and
    `media_type` matter only to an endpoint that accepts more than JSON; `stage_path` is what stands
    before the path in an URL of API Gateway that names its stage; `connection` is there where
    `work` is not `units` or `nothing`.
    """

    connection: Connection
    caller: Caller
    session: SessionName
    path: dict[str, Any]
    query: Any
    body: Any
    raw: bytes
    media_type: str
    headers: Mapping[str, str]
    parameters: Mapping[str, list[str]]
    url_path: str
    stage_path: str
    source_ip: str
    now: datetime

    @property
    def stranger(self) -> Stranger:
        """The sender, where it does not matter who it is."""
        return Stranger(self.source_ip)

    def transaction(self) -> AbstractContextManager[Connection]:
        """Open a transaction, for `work="units"` one of several; the session must live in each."""
        return database.transaction(_living(self.session), hurried=True)

    def check_version(self, etag: str) -> None:
        """Hold the present tag against If-Match and If-None-Match before a change.

        Call it with the row locked.

        Raises:
            PreconditionFailed: the caller meant another version.
        """
        headers = self.headers
        if not allows_change(headers.get("if-match"), headers.get("if-none-match"), etag):
            raise PreconditionFailed


def endpoint(
    blueprint: Blueprint,
    method: registry.Method,
    path: str,
    *,
    roles: Sequence[Role] | None,
    answer: type[BaseModel] | str | None = None,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    status: int = 200,
    creates: bool = False,
    conditional: bool = False,
    personal: bool = False,
    errors: Sequence[type[RollcallError]] = (),
    path_types: Mapping[str, Any] | None = None,
    accepts: Mapping[str, int] | None = None,
    max_body_bytes: int = MIB,
    other_answers: Mapping[int, type[BaseModel] | None] | None = None,
    work: registry.Work | None = None,
    key_setting: str | None = None,
) -> Callable[[Callable[[Request], Answer]], Callable[[Request], Answer]]:
    """Make a function the route of a method and path.

    Args:
        roles: who may; `SIGNED_IN` (empty) is every signed-in user, None is anyone.
        answer: the model of the body, for the description; a string names another media type.
        body: the model that a JSON body must be; fields that it does not know are refused.
        query: the model of the query; parameters that it does not know are ignored.
        status: of the answer where the route does not say another (`other_answers`).
        creates: honours Idempotency-Key.
        conditional: the resource has an ETag (`Answer.etag`; a change calls `check_version`).
        personal: nobody may store the answer. Always so under /auth/ and after a change.
        errors: what the route may answer beyond what follows from the other arguments.
        path_types: types of path parameters, UUID or Literal; one not named is an id (bigint).
        accepts: media types beyond JSON and the bytes that each may have; see `Request.raw`.
        work: `lone_read` (what a GET gets by default) is for a single SELECT, `lone_write` for that
            of a function that does all there is to do; everything else is a `transaction`; with
            `units` the route opens its own, since something slow lies between them; `nothing`
            touches no database.
        key_setting: a setting whose value, as the bearer token, opens the route without a user.
    """

    def register(handler: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        declared = registry.Endpoint(
            method=method,
            path=path,
            name=handler.__name__,
            tag=handler.__module__.rpartition(".")[2],
            description=handler.__doc__ or "",
            roles=roles,
            work=work or ("lone_read" if method == "GET" else "transaction"),
            status=status,
            answer=answer,
            body=body,
            query=query,
            path_types=path_types or {},
            accepts=accepts or {},
            max_body_bytes=max_body_bytes,
            creates=creates,
            conditional=conditional,
            personal=personal or path.startswith("/auth/"),
            errors=tuple(errors),
            other_answers=other_answers or {},
            key_setting=key_setting,
        )
        if registry.is_new_path(path):
            preflight.register(blueprint, path)
        registry.add(declared)
        serve = _Route(declared, handler, blueprint)

        def view(**parameters: str) -> Response:
            return serve(parameters)

        # Chalice looks at content types itself and answers in its own shape: an empty list stops it
        blueprint.route(path, methods=[method], name=handler.__name__, content_types=[])(view)
        return handler

    return register


class _Route:
    """The work around one handler, with all that can be known beforehand worked out once."""

    def __init__(
        self,
        declared: registry.Endpoint,
        handler: Callable[[Request], Answer],
        blueprint: Blueprint,
    ) -> None:
        self._declared = declared
        self._handler = handler
        self._blueprint = blueprint
        self._converters = converters_of(declared.path, declared.path_types)
        self._takes_body = declared.body is not None or bool(declared.accepts)
        self._cache_control = _cache_control(declared)
        self._route = f"{declared.method} {declared.path}"

    def __call__(self, parameters: dict[str, str]) -> Response:
        sent: ChaliceRequest = self._blueprint.current_request
        try:
            answer = self._answer(sent, parameters)
            if "Cache-Control" not in answer.headers:
                answer.headers["Cache-Control"] = self._cache_control
        except Exception as failure:
            answer = problem(as_told(failure))
        return answer.to_chalice(self._declared.status)

    def _answer(self, sent: ChaliceRequest, parameters: dict[str, str]) -> Answer:
        declared = self._declared
        is_open = declared.roles is None or _has_key(sent.headers, declared.key_setting)
        claims = None if is_open else _signed_in(sent.headers)
        try:
            request = self._read(sent, parameters, claims)
        except RollcallError:
            # A role that is no longer the caller's is for a fresh token to say, not for a refusal.
            if claims:
                _check_session(claims.session)
            raise
        began = perf_counter()
        try:
            answer = self._worked(request)
        except DatabaseAway:
            if declared.method != "GET" or perf_counter() - began > _SOON_SECONDS:
                raise
            # the connection was dead, perhaps the next is not; to read again harms nobody
            answer = self._worked(request)
        return self._conditioned(request, answer) if declared.conditional else answer

    def _read(
        self, sent: ChaliceRequest, parameters: dict[str, str], claims: Claims | None
    ) -> Request:
        declared = self._declared
        source_ip = sent.context.get("identity", {}).get("sourceIp", "")
        if claims and not declared.admits(claims.caller.role):
            raise Forbidden
        path = {name: convert(parameters[name]) for name, convert in self._converters}
        event = sent.to_original_event()
        given = event["multiValueQueryStringParameters"] or {}
        query = parse_query(given, declared.query) if declared.query else None
        media_type, raw = self._read_body(sent) if self._takes_body else ("", b"")
        body = parse_json(raw, declared.body) if declared.body and media_type == JSON else None
        return Request(
            connection=None,  # type: ignore[arg-type]
            caller=claims.caller._replace(ip=source_ip) if claims else None,  # type: ignore[arg-type]
            session=claims.session if claims else None,  # type: ignore[arg-type]
            path=path,
            query=query,
            body=body,
            raw=raw,
            media_type=media_type,
            headers=sent.headers,
            parameters=given,
            url_path=event["path"],
            stage_path=sent.context.get("path", event["path"]).removesuffix(event["path"]),
            source_ip=source_ip,
            now=utc_now(),
        )

    def _worked(self, request: Request) -> Answer:
        match self._declared.work:
            case "lone_read":
                with database.lone_read(
                    _living(request.session), hurried=True
                ) as request.connection:
                    return self._handled(request)
            case "lone_write":
                with database.lone_write(
                    _living(request.session), hurried=True
                ) as request.connection:
                    return self._handled(request)
            case "transaction":
                with request.transaction() as request.connection:
                    return self._once(request) if self._declared.creates else self._handled(request)
            case "units":
                return self._handled(request)
            case "nothing":
                if request.session:
                    _check_session(request.session)
                return self._handled(request)

    def _read_body(self, sent: ChaliceRequest) -> tuple[str, bytes]:
        media_type = _media_type(sent.headers.get("content-type", ""))
        if media_type == JSON and self._declared.body:
            most = self._declared.max_body_bytes
        elif media_type in self._declared.accepts:
            most = self._declared.accepts[media_type]
        else:
            raise UnsupportedMediaType
        encoded = sent.to_original_event()["body"] or ""
        if len(encoded) > most * 4 // 3 + 4:
            raise PayloadTooLarge
        raw = sent.raw_body
        if len(raw) > most:
            raise PayloadTooLarge
        return media_type, raw if isinstance(raw, bytes) else raw.encode()

    def _once(self, request: Request) -> Answer:
        key = request.headers.get("idempotency-key")
        if key is None:
            return self._handled(request)
        asked = repr((request.url_path.rstrip("/"), request.parameters, request.media_type))
        claim = Claim.of(
            request.caller.id if request.caller else 0,
            self._route,
            key,
            tokens.keyed_digest("idempotency", asked.encode() + request.raw),
        )
        kept = claim_key(request.connection, claim)
        if kept:
            return Answer(kept.body, kept.status, headers=kept.headers | {_REPLAYED: "true"})
        try:
            answer = self._handled(request)
        except RollcallError as refusal:
            if refusal.keeps_work:
                release_key(request.connection, claim)
            raise
        whole = answer.to_chalice(self._declared.status)
        keep_answer(
            request.connection, claim, KeptAnswer(whole.status_code, whole.headers, answer.body)
        )
        return answer

    def _handled(self, request: Request) -> Answer:
        answer = self._handler(request)
        if answer.location and answer.location.startswith("/"):
            answer.location = request.stage_path + answer.location
        return answer

    def _conditioned(self, request: Request, answer: Answer) -> Answer:
        if_none_match = request.headers.get("if-none-match")
        reads = self._declared.method == "GET"
        if reads and if_none_match and answer.etag and is_known(if_none_match, answer.etag):
            return Answer(status=304, etag=answer.etag, headers=answer.headers)
        return answer


def _signed_in(headers: Mapping[str, str]) -> Claims:
    token = _bearer_token(headers)
    if not token:
        raise Unauthenticated
    return tokens.read_access_token(token)


def _has_key(headers: Mapping[str, str], setting: str | None) -> bool:
    key: SecretStr | None = getattr(get_settings(), setting) if setting else None
    if key is None:
        return False
    return hmac.compare_digest(_bearer_token(headers).encode(), key.get_secret_value().encode())


def _bearer_token(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _living(session: SessionName | None) -> Precondition | None:
    return living(session) if session else None


def _check_session(session: SessionName) -> None:
    with database.lone_read(living(session), hurried=True):
        pass


def _media_type(content_type: str) -> str:
    media_type, *parameters = (part.strip() for part in content_type.lower().split(";"))
    charsets = {p.removeprefix("charset=").strip('"') for p in parameters if "charset=" in p}
    if media_type == JSON and not charsets <= {"utf-8", "utf8"}:
        raise UnsupportedMediaType("JSON is UTF-8.")
    return media_type


def _cache_control(declared: registry.Endpoint) -> str:
    if declared.personal or declared.method != "GET":
        return "no-store"
    return "no-cache" if declared.roles is None else "private, no-cache"
