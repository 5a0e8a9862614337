"""What the bulk engine must know of courses: columns, rules and fields of a CSV file."""

from __future__ import annotations

from collections.abc import Collection

from chalicelib.accounts.rules import STAFF
from chalicelib.catalog import queries
from chalicelib.core.kinds import Field, Kind, Rule

# As the API's rules in schemas.py, but for line breaks and tabs in a title: cells are kept as they
# are.
_CONTROLS_OF_CODE = r"[\x01-\x1f\x7f-\x9f]"
_CONTROLS_OF_TITLE = r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
# What numeric takes, but for NaN, Infinity, exponents, hexadecimals and underscores.
_CREDITS = "btrim(r.credits, E' \\t\\r\\n')"
_NUMBER = (
    f"CASE WHEN {_CREDITS} ~ '^[+-]?[0-9]*[.]?[0-9]*$'"
    f" AND pg_input_is_valid({_CREDITS}, 'numeric') THEN {_CREDITS}::numeric END"
)


def _exported_courses(filters: Collection[str]) -> str:
    columns = "code, title, description, credits::text AS credits"
    where = queries.COURSES.where(filters)
    return f"SELECT {columns} FROM courses {where} ORDER BY lower(code)"  # noqa: S608


COURSES = Kind(
    name="courses",
    roles=STAFF,
    table="courses",
    columns=("code", "title", "description", "credits"),
    key=("code",),
    match_key="lower(r.code)",
    joins="LEFT JOIN courses t ON lower(t.code) = r.key",
    target_keys="SELECT id, lower(code) AS key FROM courses",
    parsed={"credits_value": _NUMBER},
    columns_of_new={"code": "r.code"},
    fields=(
        Field(name="title", column="title", value="r.title", default="''::text"),
        Field(name="description", column="description", value="r.description", default="''::text"),
        Field(
            name="credits",
            column="credits",
            value="round(r.credits_value, 1)",
            default="3.0",
        ),
    ),
    rules=(
        Rule(field="code", code="required", message="A code is needed.", broken="r.code = ''"),
        Rule(
            field="code",
            code="too_long",
            message="A code has at most 32 characters.",
            broken="char_length(r.code) > 32",
        ),
        Rule(
            field="code",
            code="invalid_character",
            message="A code holds no tabs, line breaks or other control characters.",
            broken=f"r.code ~ '{_CONTROLS_OF_CODE}'",
        ),
        Rule(
            field="title",
            code="required",
            message="A title is needed.",
            broken="r.title = '' OR r.title IS NULL AND t.id IS NULL",
        ),
        Rule(
            field="title",
            code="too_long",
            message="A title has at most 128 characters.",
            broken="char_length(r.title) > 128",
        ),
        Rule(
            field="title",
            code="invalid_character",
            message="A title holds no control characters.",
            broken=f"r.title ~ '{_CONTROLS_OF_TITLE}'",
        ),
        Rule(
            field="description",
            code="too_long",
            message="A description has at most 10,000 characters.",
            broken="char_length(r.description) > 10000",
        ),
        Rule(
            field="credits",
            code="invalid_number",
            message="Credits are a number such as 3 or 2.5.",
            broken="btrim(r.credits) <> '' AND r.credits_value IS NULL",
        ),
        Rule(
            field="credits",
            code="out_of_range",
            message="Credits are between 0 and 999.9.",
            broken="r.credits_value NOT BETWEEN 0 AND 999.9",
        ),
        Rule(
            field="credits",
            code="too_precise",
            message="Credits have at most one decimal.",
            broken="r.credits_value <> round(r.credits_value, 1)",
        ),
    ),
    filters=("q", "code"),
    export=_exported_courses,
)
