"""Markdown as HTML that is safe to show: no raw HTML goes in, and nothing that is not listed here
comes out. Links carry rel="noopener"; images do not load, since they would tell who reads when.
"""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_TAGS = frozenset(
    {
        *("a", "blockquote", "br", "code", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li"),
        *("ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    }
)
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES = frozenset({"http", "https", "mailto"})
_REL = "noopener noreferrer nofollow"


def render_markdown(body: str) -> str:
    """Return CommonMark with tables and strikethrough as sanitised HTML."""
    # Both are of use to whoever writes an announcement only, and take their time to load.
    import nh3

    return nh3.clean(
        _markdown().render(body),
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes=set(_SCHEMES),
        link_rel=_REL,
    )


def words_of(html: str) -> str:
    """Return what there is to read in HTML that was made here; blocks stand on lines of their own.

    Links lose where they lead to.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.words)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20})
    return parser.enable(["table", "strikethrough"]).disable("image")
