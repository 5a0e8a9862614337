"""Names of downloads that browsers old and new keep, and that cannot break out of the header."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.integrations.disposition import attachment_disposition

SHAPE = re.compile(r"attachment; filename=\"([ -~]+)\"; filename\*=UTF-8''([!#$&+\-.^_`|~%\w]+)")


@pytest.mark.parametrize(
    ("filename", "plain", "full"),
    [
        ("courses.csv", "courses.csv", "courses.csv"),
        ("课程.csv", "download.csv", "课程.csv"),
        ("Résumé 1.pdf", "Resume 1.pdf", "Résumé 1.pdf"),
        ('a";b%41.csv', "a__b_41.csv", 'a";b%41.csv'),
        ("../../etc/passwd", "_.._etc_passwd", "_.._etc_passwd"),
        ("a\r\nSet-Cookie: x=1", "a__Set-Cookie: x=1", "a__Set-Cookie: x=1"),
        ("", "download", "download"),
        (" . ", "download", "download"),
        ("\ud800.csv", "?.csv", "?.csv"),
    ],
)
def test_names(filename: str, plain: str, full: str) -> None:
    match = SHAPE.fullmatch(attachment_disposition(filename))
    assert match
    assert (match[1], unquote(match[2])) == (plain, full)


@given(st.text(max_size=400))
def test_any_name_gives_one_well_formed_header(filename: str) -> None:
    match = SHAPE.fullmatch(attachment_disposition(filename))
    assert match
    assert not set(match[1]) & set('"\\/%;')
    assert not set(unquote(match[2])) & set("\\/\r\n\0")
