"""OpenAPI 3.1 from the registry and the pydantic models.

`python -m chalicelib.api.openapi` prints what docs/openapi.json holds; a test fails where that
lags.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chalicelib.accounts.errors import InvalidToken
from chalicelib.api import registry
from chalicelib.api.answers import JSON
from chalicelib.api.paths import LARGEST_ID, names_in
from chalicelib.api.problems import PROBLEM
from chalicelib.core.errors import (
    Busy,
    DatabaseAway,
    Forbidden,
    Invalid,
    MalformedJSON,
    NotFound,
    PayloadTooLarge,
    PoolExhausted,
    PreconditionFailed,
    RollcallError,
    Unauthenticated,
    UnsupportedMediaType,
)
from chalicelib.idempotency.errors import IdempotencyKeyReused, MalformedIdempotencyKey

_REF = "#/components/schemas/{model}"
_ABOUT = """Course management for a school: people, courses, imports and exports.

Sign in at `POST /auth/login` and send the token as `Authorization: Bearer …`. Times are RFC 3339
in UTC. Lists are pages: `limit`, `cursor`, and `next` until it is null; parameters that a list
does not know are ignored. A resource that has an `ETag` takes `If-None-Match` and `If-Match`. A
POST that creates takes an `Idempotency-Key`: the same request within 24 hours gets the first
answer again. Errors are problems (RFC 9457) with a stable `code`."""
_STATUSES = {
    200: "Done.",
    201: "Created.",
    202: "Accepted; the work goes on.",
    204: "Done; there is nothing to say.",
    302: "It is over there.",
    304: "Not changed since.",
    503: "Not everything works.",
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "request_id", "errors"],
    "properties": {
        "type": {"type": "string", "description": "Where the code is explained."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people, in English."},
        "code": {"type": "string", "description": "Stable; what programs look at."},
        "request_id": {"type": "string", "description": "What the logs know this request by."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string", "description": "Dotted, `periods.0.number`."},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}


def committed() -> str:
    """Return what docs/openapi.json holds; the import of app.py is what fills the registry."""
    return json.dumps(describe(), ensure_ascii=False, indent=1)


def describe() -> dict[str, Any]:
    """Return the whole description."""
    endpoints = registry.endpoints()
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rollcall", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in sorted({e.tag for e in endpoints})],
        "paths": paths,
        "components": {
            "schemas": _schemas(endpoints) | {"Problem": _PROBLEM},
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def errors_of(endpoint: registry.Endpoint) -> list[type[RollcallError]]:
    """Return every error that an endpoint may answer, by status and code."""
    errors: set[type[RollcallError]] = {RollcallError, *endpoint.errors}
    if endpoint.roles is not None:
        errors |= {Unauthenticated, InvalidToken}
    if endpoint.roles:
        errors.add(Forbidden)
    if names_in(endpoint.path):
        errors.add(NotFound)
    if endpoint.body is not None:
        errors |= {MalformedJSON, PayloadTooLarge, UnsupportedMediaType, Invalid}
    if endpoint.accepts:
        errors |= {PayloadTooLarge, UnsupportedMediaType}
    if endpoint.query is not None:
        errors.add(Invalid)
    if endpoint.conditional and endpoint.method != "GET":
        errors.add(PreconditionFailed)
    if endpoint.creates:
        errors |= {MalformedIdempotencyKey, IdempotencyKeyReused}
    if endpoint.work != "nothing":
        errors |= {PoolExhausted, DatabaseAway, Busy}
    return sorted(errors, key=lambda error: (error.status, error.code))


def _operation(endpoint: registry.Endpoint) -> dict[str, Any]:
    summary, _, rest = inspect.cleandoc(endpoint.description).partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": " ".join(summary.split()).rstrip("."),
        "tags": [endpoint.tag],
        "responses": _responses(endpoint),
    }
    if rest:
        operation["description"] = rest
    if endpoint.roles is not None:
        operation["security"] = [{"accessToken": []}]
        operation["x-roles"] = list(endpoint.roles) or ["signed in"]
    if parameters := _parameters(endpoint):
        operation["parameters"] = parameters
    if content := _request_content(endpoint):
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _request_content(endpoint: registry.Endpoint) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if endpoint.body is not None:
        content[JSON] = {"schema": _reference(endpoint.body)}
    for media_type in endpoint.accepts:
        content[media_type] = {"schema": {"type": "string"}}
    return content


def _parameters(endpoint: registry.Endpoint) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _path_schema(endpoint.path_types.get(name, int)),
        }
        for name in names_in(endpoint.path)
    ]
    if endpoint.query is not None:
        schema = endpoint.query.model_json_schema(ref_template=_REF)
        required = schema.get("required", [])
        for name, described in schema["properties"].items():
            parameter = {"name": name, "in": "query", "required": name in required}
            if text := described.pop("description", ""):
                parameter["description"] = text
            parameters.append(parameter | {"schema": _tidy(described)})
    if endpoint.conditional:
        parameters.append(_header("If-None-Match", "Tags of versions that are known already."))
        if endpoint.method != "GET":
            parameters.append(_header("If-Match", "The tag of the version that is meant."))
    if endpoint.creates:
        parameters.append(_header("Idempotency-Key", "1 to 200 visible characters, 24 hours."))
    return parameters


def _header(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}


def _path_schema(kind: Any) -> dict[str, Any]:
    if kind is int:
        return {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
    if kind is UUID:
        return {"type": "string", "format": "uuid"}
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": list(get_args(kind))}
    return {"type": "string"}


def _responses(endpoint: registry.Endpoint) -> dict[str, Any]:
    answers = {endpoint.status: endpoint.answer} | dict(endpoint.other_answers)
    responses = {str(status): _response(endpoint, status, answers[status]) for status in answers}
    if endpoint.conditional and endpoint.method == "GET":
        responses["304"] = {"description": _STATUSES[304]}
    by_status: dict[str, list[type[RollcallError]]] = {}
    for error in errors_of(endpoint):
        by_status.setdefault(str(error.status), []).append(error)
    for status, errors in by_status.items():
        refusal = _refusal(errors)
        if status in responses:
            responses[status]["content"] |= refusal["content"]
        else:
            responses[status] = refusal
    return dict(sorted(responses.items()))


def _response(
    endpoint: registry.Endpoint, status: int, answer: type[BaseModel] | str | None
) -> dict[str, Any]:
    response: dict[str, Any] = {"description": _STATUSES[status]}
    if isinstance(answer, str):
        response["content"] = {answer: {}}
    elif answer is not None:
        response["content"] = {JSON: {"schema": _reference(answer)}}
    headers = []
    if endpoint.conditional and endpoint.method != "DELETE":
        headers.append("ETag")
    if status in (201, 302):
        headers.append("Location")
    if headers:
        response["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    return response


def _refusal(errors: Sequence[type[RollcallError]]) -> dict[str, Any]:
    codes = [error.code for error in errors]
    members = {
        name: {"type": "array", "items": _reference(model)}
        for error in errors
        for name, model in error.member_models.items()
    }
    schema = {
        "allOf": [
            {"$ref": _REF.format(model="Problem")},
            {"properties": {"code": {"enum": codes}} | members},
        ]
    }
    lines = [f"`{error.code}`: {error.detail}" for error in errors]
    return {"description": "\n".join(lines), "content": {PROBLEM: {"schema": schema}}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _schemas(endpoints: Iterable[registry.Endpoint]) -> dict[str, Any]:
    taken: dict[str, type[BaseModel]] = {}
    modes: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = []
    for endpoint in endpoints:
        members = [m for error in endpoint.errors for m in error.member_models.values()]
        answers = (endpoint.answer, *endpoint.other_answers.values())
        for given in (endpoint.body, *answers, *members):
            if given is None or isinstance(given, str):
                continue
            if taken.setdefault(given.__name__, given) is not given:
                raise ValueError(f"two models are called {given.__name__}")
            modes.append((given, "validation" if given is endpoint.body else "serialization"))
    _, schema = models_json_schema(list(dict.fromkeys(modes)), ref_template=_REF)
    return {name: _tidy(model) for name, model in sorted(schema.get("$defs", {}).items())}


def _tidy(schema: Any) -> Any:
    """Drop what pydantic adds and nobody needs: titles made of names, defaults of None."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {field: _tidy(part) for field, part in value.items()}
        if name == "properties"
        else _tidy(value)
        for name, value in schema.items()
        if not (name == "title" and isinstance(value, str))
        and not (name == "default" and value is None)
    }
