"""Bodies as models: JSON's own types and nothing that merely looks like them."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import BaseModel

from chalicelib.api.bodies import parse_json
from chalicelib.core.errors import Invalid


class Everything(BaseModel):
    number: int = 0
    flag: bool = False
    day: date | None = None


def test_a_date_is_a_text_of_its_form() -> None:
    assert parse_json(b'{"day":"2026-09-01"}', Everything).day == date(2026, 9, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"number":"5"}', "number"),
        (b'{"number":true}', "number"),
        (b'{"number":1.5}', "number"),
        (b'{"flag":1}', "flag"),
        (b'{"flag":"yes"}', "flag"),
        (b'{"day":1788220800}', "day"),
    ],
)
def test_what_merely_looks_like_it_is_refused(body: bytes, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_json(body, Everything)
    assert [error[:2] for error in caught.value.errors] == [(field, "wrong_type")]
