"""What a mail says: a template in plain text, one file a kind and language, as text and as HTML.

A template's first line is the subject; the rest are paragraphs. One such as `[Sign in]($link)` is a
button with the address below it, an indented one stands out, one that begins with `- ` is a line
for each item, and one that begins with `? ` is left out where it has no value to show. Values are
put in after the template is taken apart, so none can add a line, a paragraph, a tag or a header.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
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
_MARKS: Mapping[str, Literal["strong", "items", "optional"]] = {
    "    ": "strong",
    "- ": "items",
    "? ": "optional",
}
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
    style: Literal["plain", "strong", "button", "items", "optional"]
    words: str
    link: str = ""


class _Values(NamedTuple):
    """What is put into the words of a letter, and into those of each of its items."""

    own: Mapping[str, str]
    items: Sequence[Mapping[str, str]]

    def each(self, change: Callable[[str], str]) -> _Values:
        def changed(values: Mapping[str, str]) -> dict[str, str]:
            return {name: change(value) for name, value in values.items()}

        return _Values(changed(self.own), [changed(item) for item in self.items])


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


def brief(value: str, most_characters: int) -> str:
    """Return the beginning of a text on one line; it shows where something was cut off."""
    line = one_line(value)
    return line if len(line) <= most_characters else f"{line[: most_characters - 1].rstrip()}…"


def render(
    kind: str,
    locale: Locale,
    values: Mapping[str, str],
    *,
    items: Sequence[Mapping[str, str]] = (),
    unsubscribe: str | None = None,
) -> Letter:
    """Return the letter of a kind in a language, with its values put in.

    `items` are the values of the lines of its list. `unsubscribe` is the URL that ends such mails
    for its reader, by RFC 2369 and RFC 8058 in the headers as well.

    Raises:
        KeyError: a placeholder has no value.
        FileNotFoundError: there is no such template.
    """
    subject, paragraphs = _parsed(kind, locale)
    lines = _Values(values, items).each(one_line)
    escaped = lines.each(escape)
    subject = Template(subject).substitute(lines.own)
    (closing,) = _parsed("closing", locale).paragraphs
    shown = [part for part in paragraphs if _has_words(part, lines)]
    texts = [_as_text(part, lines, _COLON[locale]) for part in (*shown, closing)]
    footer, headers = "", dict(_HEADERS)
    if unsubscribe:
        (ending,) = _parsed("unsubscribe", locale).paragraphs
        texts.append(_as_text(ending, _Values({"link": unsubscribe}, ()), _COLON[locale]))
        footer = f'{_SMALL}<a href="{escape(unsubscribe)}">{escape(ending.words)}</a></p>'
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Letter(
        subject=subject,
        text="\n\n".join(texts) + "\n",
        html=_layout().substitute(
            lang=locale,
            subject=escape(subject),
            body="\n".join(_as_html(part, escaped) for part in shown),
            closing=escape(closing.words),
            footer=footer,
        ),
        headers=headers,
    )


def _has_words(part: _Paragraph, values: _Values) -> bool:
    names = Template(part.words).get_identifiers() if part.style == "optional" else ()
    return all(values.own[name] for name in names)


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
    for mark, style in _MARKS.items():
        if words.startswith(mark):
            return _Paragraph(style, words.removeprefix(mark))
    return _Paragraph("plain", words.strip())


def _as_text(part: _Paragraph, values: _Values, colon: str) -> str:
    if part.style == "items":
        words = Template(part.words)
        return "\n".join(_filled(f"- {words.substitute(item)}", "  ") for item in values.items)
    text = Template(part.words).substitute(values.own)
    if part.style == "button":
        return f"{text}{colon}\n{Template(part.link).substitute(values.own)}"
    if part.style == "strong":
        return f"    {text}"
    return _filled(text)


def _filled(text: str, indent: str = "") -> str:
    return fill(
        text,
        _COLUMNS,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


_P = '<p style="margin:0 0 16px">'
_STRONG = '<p style="margin:0 0 16px;font-size:18px;font-weight:600;overflow-wrap:anywhere">'
_ITEMS = '<ul style="margin:0 0 16px;padding-left:20px;overflow-wrap:anywhere">'
_LINK = (
    'style="display:inline-block;padding:12px 20px;border-radius:6px;background:#1c4f9c;'
    'color:#ffffff;font-weight:600;text-decoration:none"'
)
_ADDRESS = '<p style="margin:0 0 24px;font-size:13px;color:#5b6470;overflow-wrap:anywhere">'
_SMALL = '<p style="margin:8px 0 0;font-size:13px;color:#5b6470">'


def _as_html(part: _Paragraph, values: _Values) -> str:
    """Return a paragraph as HTML; `values` are escaped already."""
    words = Template(escape(part.words))
    if part.style == "items":
        lines = "".join(f"<li>{words.substitute(item)}</li>" for item in values.items)
        return f"{_ITEMS}{lines}</ul>"
    text = words.substitute(values.own)
    if part.style == "button":
        link = Template(part.link).substitute(values.own)
        return f'{_P}<a href="{link}" {_LINK}>{text}</a></p>\n{_ADDRESS}{link}</p>'
    return f"{_STRONG if part.style == 'strong' else _P}{text}</p>"
