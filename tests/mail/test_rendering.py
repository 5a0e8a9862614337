"""Letters: every kind in both languages, and values that cannot be more than words."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.mail.letters import (
    LOCALES,
    TEMPLATES,
    Letter,
    Locale,
    brief,
    display_name,
    one_line,
    render,
)
from functions.send_mail.handler import COMPOSERS

LINK = "https://school.example/reset-password?token=abc"
UNSUBSCRIBE = "https://api.school.example/prod/unsubscribe/abc"
VALUES = {
    "name": "Chloe Martin",
    "username": "chloe",
    "course": "CS101 Computing",
    "section": "01",
    "term": "2026-autumn",
    "publisher": "Rosa Ortiz",
    "title": "No class on Friday",
    "excerpt": "The whole school is on a trip.",
    "more": "17",
    "published": "2431",
    "draft": "12",
    "archived": "88",
    "capacity": "98765",
    "enrolled": "45678",
    "fill_rate": "46",
    "waitlisted": "321",
    "announcements": "9",
    "audience": "54321",
    "acknowledged": "23456",
    "ack_rate": "43",
    "link": LINK,
}
OF_ITEMS = ("title", "publisher")
# What each kind has to say, in both languages.
PLACES: dict[str, list[str]] = {
    "forgot_username": ["name", "username", "link"],
    "forgot_password": ["name", "username", "link"],
    "invitation": ["name", "username", "link"],
    "password_changed": ["name", "username", "link"],
    "enrollment_promoted": ["name", "course", "section", "term", "link"],
    "announcement_published": ["name", "publisher", "title", "excerpt", "link"],
    "announcement_reminder": ["name", "publisher", "title", "excerpt", "link"],
    "announcement_digest": ["name", "title", "publisher", "more", "link"],
    "weekly_report": [
        *("name", "published", "draft", "archived", "capacity", "enrolled", "fill_rate"),
        *("waitlisted", "announcements", "audience", "acknowledged", "ack_rate", "link"),
    ],
}
TITLED = ("announcement_published", "announcement_reminder")
SUBSCRIBED = (*TITLED, "announcement_digest", "weekly_report")
EVIL = (
    "<script>alert(1)</script>",
    "$link ${username} $$",
    "a\r\nBcc: all@school.example",
    "a\n\n[Click](http://evil.example)\n",
    "\u202eevil\u202c \u2066x\u2069 \u200f",
    "a\u2028b\u2029c\x85d\x00e\x0bf",
    '" onmouseover="alert(1)',
    "&lt;b&gt;",
)


class Tags(HTMLParser):
    """The tags, links and visible words of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def close(self) -> None:
        super().close()
        assert self.open == []


def letter(kind: str = "invitation", locale: Locale = "en", **changes: str) -> Letter:
    values = VALUES | changes
    items = [{name: values[name] for name in OF_ITEMS}]
    unsubscribe = UNSUBSCRIBE if kind in SUBSCRIBED else None
    return render(kind, locale, values, items=items, unsubscribe=unsubscribe)


def links_of(kind: str) -> list[str]:
    return [LINK, UNSUBSCRIBE] if kind in SUBSCRIBED else [LINK]


def test_every_kind_is_there_in_every_language() -> None:
    for locale in LOCALES:
        files = {path.stem for path in (TEMPLATES / locale).iterdir()}
        assert files == {*COMPOSERS, "closing", "unsubscribe"}
    assert {path.name for path in TEMPLATES.iterdir()} == {*LOCALES, "layout.html"}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", COMPOSERS)
class TestEachLetter:
    def test_it_leaves_no_placeholder_and_names_who_it_is_for(
        self, kind: str, locale: Locale
    ) -> None:
        made = letter(kind, locale)
        assert 5 <= len(made.subject) <= 60
        for words in (made.subject, made.text, made.html):
            assert "$" not in words
        for words in (made.text, made.html):
            for place in PLACES[kind]:
                assert VALUES[place] in words

    def test_its_page_is_well_made_and_says_its_language(self, kind: str, locale: Locale) -> None:
        made = letter(kind, locale)
        page = Tags(made.html)
        assert f'<html lang="{locale}">' in made.html
        assert page.links == links_of(kind)
        assert page.tags.count("h1") == 1
        assert "".join(page.words).count(LINK) == 1, "once more to read or copy"
        assert not {"script", "img", "link", "style", "iframe", "form"} & set(page.tags)

    def test_both_forms_say_the_same(self, kind: str, locale: Locale) -> None:
        made = letter(kind, locale)
        shown = "".join(Tags(made.html).words).rpartition(made.subject)[2]
        # What lists and links have in text only.
        read = made.text.replace("\n- ", "\n").replace(UNSUBSCRIBE, "")
        assert re.sub(r"[\s:：]", "", shown) == re.sub(r"[\s:：]", "", read)

    def test_its_lines_are_short_where_words_have_spaces(self, kind: str, locale: Locale) -> None:
        if locale == "en":
            assert max(map(len, letter(kind, locale).text.splitlines())) <= 72

    def test_one_click_ends_it_where_its_reader_may_do_without(
        self, kind: str, locale: Locale
    ) -> None:
        made = letter(kind, locale)
        if kind in SUBSCRIBED:
            assert made.headers["List-Unsubscribe"] == f"<{UNSUBSCRIBE}>"
            assert made.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            assert made.text.rstrip().endswith(f"\n{UNSUBSCRIBE}")
        else:
            assert dict(made.headers) == {"Auto-Submitted": "auto-generated"}


@pytest.mark.parametrize("locale", LOCALES)
def test_a_list_has_a_line_for_each_item(locale: Locale) -> None:
    items = [{"title": f"No class on day {n}", "publisher": "Rosa"} for n in range(3)]
    made = render("announcement_digest", locale, VALUES, items=items)
    assert [line for line in made.text.splitlines() if line.startswith("- ")] == [
        f"- No class on day {n}{' (Rosa)' if locale == 'en' else '（Rosa）'}" for n in range(3)
    ]
    assert Tags(made.html).tags.count("li") == 3


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("kind", "value"), [("announcement_digest", "more"), ("announcement_published", "excerpt")]
)
def test_a_paragraph_that_may_be_left_out_is_where_it_has_nothing_to_say(
    kind: str, value: str, locale: Locale
) -> None:
    made, without = letter(kind, locale), letter(kind, locale, **{value: ""})
    assert len(without.text.split("\n\n")) == len(made.text.split("\n\n")) - 1
    assert Tags(without.html).tags.count("p") == Tags(made.html).tags.count("p") - 1


@pytest.mark.parametrize("locale", LOCALES)
def test_a_missing_value_is_an_error(locale: Locale) -> None:
    with pytest.raises(KeyError):
        render("invitation", locale, {"name": "Chloe"})


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Chloe Martin", "Chloe Martin"),
        ("戴明", "戴明"),
        ("J.R. O'Neill-García", "J. R. O'Neill-García"),
        ("سارا رضایی\u200cفر", "سارا رضایی\u200cفر"),
        ("evil.example/now", "evil. example now"),
        ("https://evil.example", "https evil. example"),
        ("Win at evil@x.example", "Win at evil x. example"),
        ("a\u202eb\u00adc", "abc"),
        ("  a \r\n b  ", "a b"),
        ("x" * 200, "x" * 80),
        ("\u200e\r\n", ""),
    ],
)
def test_a_name_is_shown_short_and_is_no_link(name: str, shown: str) -> None:
    assert display_name(name) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("short", "short"), ("a\r\nb", "a b"), ("x" * 10, "x" * 10), ("abcdefgh ijk", "abcdefgh…")],
)
def test_a_text_is_cut_off_where_it_is_too_long(text: str, shown: str) -> None:
    assert brief(text, 10) == shown


@given(st.text(st.characters(exclude_categories=[])))
def test_whatever_the_name_it_is_one_line(name: str) -> None:
    shown = display_name(name)
    assert len(shown.splitlines()) <= 1
    assert shown == shown.strip()
    shown.encode()


@given(st.dictionaries(st.sampled_from(["name", "username"]), st.text(), max_size=2))
def test_whatever_the_values_the_page_has_its_own_tags(changes: Any) -> None:
    made = letter(**changes)
    page = Tags(made.html)
    assert page.tags == Tags(letter().html).tags
    assert page.links == [LINK]


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("kind", "where"), [(k, place) for k in COMPOSERS for place in PLACES[k] if place != "link"]
)
def test_a_value_stays_within_its_words(kind: str, where: str, locale: Locale, evil: str) -> None:
    # A value of one word cannot be wrapped, and the lines can be counted.
    made = letter(kind, locale, **{where: evil})
    usual = letter(kind, locale, **{where: re.sub(r"\S", "x", one_line(evil))})
    if where == "title" and kind in TITLED:
        assert made.subject.endswith(one_line(evil))
    else:
        assert made.subject == usual.subject
    assert len(made.text.splitlines()) == len(usual.text.splitlines())
    page, usual_page = Tags(made.html), Tags(usual.html)
    assert page.tags == usual_page.tags
    assert page.attributes == usual_page.attributes
    assert page.links == links_of(kind)
    assert one_line(evil) in "".join(page.words)
    assert re.search("[\u202a-\u202e\u2066-\u2069\u200f]", made.text + made.html) is None
