"""Settings: parsed once, typed, and all of them on the page for operators."""

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import SecretStr, ValidationError

from chalicelib.core.settings import SettingMissing, Settings, get_settings, reset_settings

PAGE = Path(__file__).parents[2] / "docs/configuration.md"
ROW = re.compile(r"^\| `(?P<variable>[A-Z_]+)` \| (?P<rest>.*) \|$", re.MULTILINE)


def rows() -> dict[str, str]:
    return {row["variable"]: row["rest"] for row in ROW.finditer(PAGE.read_text("utf-8"))}


def type_of(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return type_of(get_args(annotation)[0])
    return {bool: "true or false", int: "integer", float: "number", str: "text"}.get(
        annotation, "secret" if annotation is SecretStr else str(annotation)
    )


def default_of(value: Any) -> str:
    if value is None or value == "":
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_on_the_page_as_it_is_in_the_code(name: str) -> None:
    field = Settings.model_fields[name]
    expected = [type_of(field.annotation), default_of(field.default), field.description]
    assert rows().get(name.upper(), "absent").split(" | ") == expected


def test_the_page_has_no_setting_that_is_gone() -> None:
    assert set(rows()) == {name.upper() for name in Settings.model_fields}


def test_a_setting_in_seconds_or_bytes_says_so_in_its_name() -> None:
    for name, field in Settings.model_fields.items():
        if (field.description or "").startswith("Seconds"):
            assert name.endswith("_seconds"), name


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    yield monkeypatch
    monkeypatch.undo()
    reset_settings()


def test_settings_are_read_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ACCESS_TOKEN_SECONDS", "60")
    reset_settings()
    assert get_settings().access_token_seconds == 60
    environment.setenv("ACCESS_TOKEN_SECONDS", "61")
    assert get_settings().access_token_seconds == 60


def test_an_empty_variable_counts_as_absent(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DB_POOL_SIZE", "")
    reset_settings()
    assert get_settings().db_pool_size == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [("DB_POOL_SIZE", "0"), ("DB_PORT", "many"), ("DB_SSLMODE", "prefer"), ("STAGE", "moon")],
)
def test_nonsense_is_refused(environment: pytest.MonkeyPatch, variable: str, value: str) -> None:
    environment.setenv(variable, value)
    reset_settings()
    with pytest.raises(ValidationError, match=variable.lower()):
        get_settings()


def test_a_secret_does_not_show_itself() -> None:
    settings = Settings(jwt_secret=SecretStr("a very secret secret"))
    assert "very" not in repr(settings)
    assert settings.require("jwt_secret") == "a very secret secret"


def test_a_setting_that_is_needed_and_missing_is_named() -> None:
    with pytest.raises(SettingMissing, match=r"^BUCKET is not set\.$"):
        Settings(bucket=None).require("bucket")


def test_origins_are_split_at_commas_and_lose_their_slash() -> None:
    settings = Settings(cors_origins=" https://a.example/ ,https://b.example,, ")
    assert settings.allowed_origins == {"https://a.example", "https://b.example"}
