"""Reading what a request brings: JSON held to the letter of RFC 8259, and pydantic's complaints as
our field errors with stable codes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core.core_schema import ErrorType

from chalicelib.core.errors import FieldError, Invalid, MalformedJSON

Model = TypeVar("Model", bound=BaseModel)

_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "string_pattern_mismatch": "invalid_character",
    "string_unicode": "not_unicode",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "finite_number": "out_of_range",
    "decimal_max_digits": "out_of_range",
    "decimal_whole_digits": "out_of_range",
    "decimal_max_places": "too_precise",
    "literal_error": "not_one_of",
    "enum": "not_one_of",
    "too_long": "too_many",
    "too_short": "too_few",
}
_PYDANTICS_OWN = frozenset(get_args(ErrorType))
_LONGEST_FIELD = 100


class _Repeated(ValueError):
    """A member name that occurs twice in one object."""


def parse_json(raw: bytes, model: type[Model]) -> Model:
    """Return the body as the model.

    Raises:
        MalformedJSON: not UTF-8, not JSON, a member twice, NaN, or nested beyond reason.
        Invalid: JSON, but not this model.
    """
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_refuse_constant)
    except _Repeated as repeated:
        raise MalformedJSON("The body names a member twice.") from repeated
    except (ValueError, RecursionError) as malformed:
        raise MalformedJSON from malformed
    if "\\u" in text and (unfit := list(_unfit_texts(value, ()))):
        raise Invalid(errors=unfit)
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as invalid:
        raise as_invalid(invalid) from None


def parse_query(parameters: Mapping[str, list[str]] | None, model: type[Model]) -> Model:
    """Return the query as the model; of a repeated parameter the last counts, unknown ones do not.

    Raises:
        Invalid: a value that the model refuses.
    """
    values = {name: given[-1] for name, given in parameters.items()} if parameters else {}
    unfit = [error for name in values for error in _unfit_texts(values[name], (name,))]
    if unfit:
        raise Invalid(errors=unfit)
    try:
        return model.model_validate(values)
    except ValidationError as invalid:
        raise as_invalid(invalid) from None


def as_invalid(invalid: ValidationError) -> Invalid:
    """Return pydantic's findings as our error.

    Raises:
        MalformedJSON: pydantic could not even read the JSON.
    """
    findings = invalid.errors(include_url=False, include_context=False, include_input=False)
    if any(finding["type"] == "json_invalid" for finding in findings):
        raise MalformedJSON
    return Invalid(
        errors=[
            FieldError(_dotted(finding["loc"]), _code(finding["type"]), finding["msg"])
            for finding in findings
        ]
    )


def _code(kind: str) -> str:
    if kind.endswith(("_type", "_parsing")):
        return "wrong_type"
    if kind in _CODES:
        return _CODES[kind]
    return "invalid_value" if kind in _PYDANTICS_OWN else kind


def _dotted(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)[:_LONGEST_FIELD]


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Repeated
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError


def _unfit_texts(value: Any, location: tuple[int | str, ...]) -> Iterator[FieldError]:
    """Yield what Postgres cannot keep as text: NUL, and halves of surrogate pairs."""
    if isinstance(value, str):
        if "\0" in value:
            yield FieldError(_dotted(location), "nul_character", "Contains a NUL character.")
        elif not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            yield FieldError(_dotted(location), "not_unicode", "Contains half a character.")
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _unfit_texts(name, location)
            yield from _unfit_texts(member, (*location, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _unfit_texts(member, (*location, index))
