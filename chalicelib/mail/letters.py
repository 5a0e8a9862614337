"""What a mail says: a template in plain text, one file a kind and language, as text and as HTML.

A template's first line is the subject, and has no placeholders; the rest are paragraphs. One such
as `[Sign in]($link)` is a button with the address below it, an indented one stands out. Values are
put in after the template is taken apart, so none can add a line, a paragraph or a tag.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from textwrap import fill
from typing import Literal, NamedTuple

Locale = Literal["en", "zh-CN"]

LOCALES: tuple[Locale, ...] = ("en", "zh-CN")
TEMPLATES = Path(__file__).with_name("templates")

_COLUMNS = 72
_COLON: Mapping[Locale, str] = {"en": ":", "zh-CN": "："}
_LONGEST_NAME = 80
_BUTTON = re.compile(r"\[(.+)\]\((\$\w+)\)")
# RFC 3834: a holiday notice in answer to it would reach nobody.
_HEADERS = {"Auto-Submitted": "auto-generated"}
# Joiners shape letters in Persian and Indic names; everything else of their category is invisible
# or turns the direction of what follows.
_JOINERS = "\u200c\u200d"
_BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True)
class Letter:
    """A mail as it goes out, but for whom it is from and to."""

    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=lambda: dict(_HEADERS))


class _Paragraph(NamedTuple):
    style: Literal["plain", "strong", "button"]
    words: str
    link: str = ""


class _Parsed(NamedTuple):
    subject: str
    paragraphs: tuple[_Paragraph, ...]


def one_line(value: str) -> str:
    """Return text without line breaks, control characters and marks that turn its direction."""
    return " ".join("".join(_shown(character) for character in value).split())


def _shown(character: str) -> str:
    category = unicodedata.category(character)
    if category in _BREAKS:
        return " "
    return "" if category == "Cf" and character not in _JOINERS else character


def display_name(name: str) -> str:
    """Return somebody's name as a mail may show it: short, and nothing that a reader would click.

    Whoever signs up with another's address chooses the name in the mails that go there.
    """
    plain = re.sub(r"[:/\\@<>]+", " ", one_line(name))
    spaced = re.sub(r"\.(?=\S)", ". ", plain)
    return one_line(spaced)[:_LONGEST_NAME].strip()


def render(kind: str, locale: Locale, values: Mapping[str, str]) -> Letter:
    """Return the letter of a kind in a language, with its values put in.

    Raises:
        KeyError: a placeholder has no value.
        FileNotFoundError: there is no such template.
    """
    subject, paragraphs = _parsed(kind, locale)
    lines = {name: one_line(value) for name, value in values.items()}
    escaped = {name: escape(value) for name, value in lines.items()}
    (closing,) = _parsed("closing", locale).paragraphs
    parts = (*paragraphs, closing)
    body = "\n".join(_as_html(part, escaped) for part in paragraphs)
    return Letter(
        subject=subject,
        text="\n\n".join(_as_text(part, lines, _COLON[locale]) for part in parts) + "\n",
        html=_layout().substitute(
            lang=locale,
            subject=escape(subject),
            body=body,
            closing=escape(closing.words),
        ),
    )


@cache
def _layout() -> Template:
    return Template((TEMPLATES / "layout.html").read_text("utf-8"))


@cache
def _parsed(kind: str, locale: Locale) -> _Parsed:
    content = (TEMPLATES / locale / f"{kind}.txt").read_text("utf-8")
    subject, _, rest = content.partition("\n")
    return _Parsed(subject, tuple(_paragraph(part) for part in rest.strip("\n").split("\n\n")))


def _paragraph(words: str) -> _Paragraph:
    if button := _BUTTON.fullmatch(words):
        return _Paragraph("button", button[1], button[2])
    return _Paragraph("strong" if words.startswith("    ") else "plain", words.strip())


def _as_text(part: _Paragraph, values: Mapping[str, str], colon: str) -> str:
    words = Template(part.words).substitute(values)
    if part.style == "button":
        return f"{words}{colon}\n{Template(part.link).substitute(values)}"
    if part.style == "strong":
        return f"    {words}"
    return fill(words, _COLUMNS, break_long_words=False, break_on_hyphens=False)


_P = '<p style="margin:0 0 16px">'
_STRONG = '<p style="margin:0 0 16px;font-size:18px;font-weight:600;overflow-wrap:anywhere">'
_LINK = (
    'style="display:inline-block;padding:12px 20px;border-radius:6px;background:#1c4f9c;'
    'color:#ffffff;font-weight:600;text-decoration:none"'
)
_ADDRESS = '<p style="margin:0 0 24px;font-size:13px;color:#5b6470;overflow-wrap:anywhere">'


def _as_html(part: _Paragraph, values: Mapping[str, str]) -> str:
    """Return a paragraph as HTML; `values` are escaped already."""
    words = Template(escape(part.words)).substitute(values)
    if part.style == "button":
        link = Template(part.link).substitute(values)
        return f'{_P}<a href="{link}" {_LINK}>{words}</a></p>\n{_ADDRESS}{link}</p>'
    return f"{_STRONG if part.style == 'strong' else _P}{words}</p>"
