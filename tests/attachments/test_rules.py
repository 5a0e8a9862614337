"""What the first bytes of a file say of its type: with numbers, and without any I/O."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.attachments.rules import MAX_BYTES, PART_BYTES, PREFIX_BYTES, fits_type, part_sizes
from chalicelib.core.settings import Settings
from tests.attachments.files import FOREIGN, HTML, PDF, SAMPLES, SVG, TEXT, archive, media, riff

MIB = 1024 * 1024
ALLOWED = sorted(Settings().allowed_attachment_types)


def fits(content_type: str, content: bytes) -> bool:
    return fits_type(content_type, content[:PREFIX_BYTES], len(content))


def test_there_is_a_sample_of_each_type_that_is_taken_by_default() -> None:
    assert sorted(SAMPLES) == ALLOWED


@pytest.mark.parametrize("content_type", SAMPLES)
def test_a_file_is_what_it_says(content_type: str) -> None:
    assert [fits(content_type, sample) for sample in SAMPLES[content_type]] == [True] * len(
        SAMPLES[content_type]
    )


@pytest.mark.parametrize("content_type", SAMPLES)
def test_no_type_takes_a_page_or_a_program(content_type: str) -> None:
    assert [content for content in FOREIGN if fits(content_type, content)] == []


# Formats that are spelled the same, or one of which is a kind of the other.
RELATED = [
    {"application/rtf", "text/rtf"},
    {"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"},
    {t for t in SAMPLES if t.startswith("application/vnd.openxmlformats")},
    {"image/heic", "image/heif", "image/avif"},
    {"audio/mp4", "audio/x-m4a", "video/mp4", "video/quicktime"},
    {"audio/mpeg", "audio/aac"},
    {"audio/ogg", "video/ogg"},
    {"audio/wav", "audio/x-wav"},
    {"audio/flac", "audio/x-flac"},
    {"audio/webm", "video/webm", "video/x-matroska"},
    {"text/plain", "text/csv", "text/markdown", "application/rtf", "text/rtf"},
    {t for t in SAMPLES if "zip" in t or "opendocument" in t or "openxml" in t}
    - {"application/gzip"},
]


@pytest.mark.parametrize("content_type", SAMPLES)
def test_no_type_takes_an_unrelated_one(content_type: str) -> None:
    related = set().union(*(group for group in RELATED if content_type in group))
    unrelated = SAMPLES.keys() - related - {content_type}
    taken = [other for other in unrelated for s in SAMPLES[other] if fits(content_type, s)]
    assert taken == []


@pytest.mark.parametrize("content_type", [t for t in SAMPLES if t not in ("text/csv",)])
def test_a_file_of_one_byte_breaks_nothing(content_type: str) -> None:
    for byte in (b"\0", b"\xff", b"<", b"P"):
        assert fits(content_type, byte) in (True, False)


class TestText:
    @pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
    @pytest.mark.parametrize("padding", range(4))
    def test_a_character_may_be_cut_at_the_end_of_what_is_read(
        self, encoding: str, padding: int
    ) -> None:
        content = ("x" * padding + "课𠮷" * 2000).encode(encoding)
        assert fits("text/plain", content)

    def test_a_character_may_not_be_cut_at_the_end_of_the_file(self) -> None:
        assert not fits_type("text/plain", b"caf\xc3", 4)
        assert fits_type("text/plain", b"caf\xc3", 5)

    @pytest.mark.parametrize("control", [0, 1, 8, 14, 0x1A, 0x1C, 0x7F])
    def test_control_characters_are_no_text(self, control: int) -> None:
        assert not fits("text/plain", b"a" + bytes([control]) + b"b")

    @pytest.mark.parametrize("control", b"\t\n\v\f\r\x1b")
    def test_what_moves_the_carriage_is(self, control: int) -> None:
        assert fits("text/csv", b"a" + bytes([control]) + b"b")

    def test_utf_16_is_not(self) -> None:
        assert not fits("text/plain", TEXT.decode().encode("utf-16"))

    @pytest.mark.parametrize("broken", [b"\xff\xfe\xfd", b"\x80abc", b"\xc3\x28\xff"])
    def test_what_no_encoding_knows_is_not(self, broken: bytes) -> None:
        assert not fits("text/plain", broken)

    @pytest.mark.parametrize(
        "text",
        [b"<note>a</note>", b"a < b", b"<3", b"see <script>", b"<svgish>", b"<p>A</p>", b"< html>"],
    )
    def test_a_text_may_hold_angle_brackets(self, text: bytes) -> None:
        assert fits("text/markdown", text)

    def test_a_long_blank_beginning_costs_no_time(self) -> None:
        started = time.process_time()
        for filler in (b" ", b"<!---->", b"<?xml>", b"<!--", b"<?xml"):
            fits("text/plain", filler * (PREFIX_BYTES // len(filler)))
        assert time.process_time() - started < 0.5


class TestRelatives:
    def test_an_archive_is_no_document(self) -> None:
        plain = archive(("readme.txt", "a"))
        for content_type in SAMPLES:
            expected = content_type in ("application/zip", "application/x-zip-compressed")
            assert fits(content_type, plain) == expected, content_type

    def test_a_java_archive_is_no_document(self) -> None:
        word = next(t for t in SAMPLES if "wordprocessing" in t)
        assert not fits(word, archive(("META-INF/MANIFEST.MF", "a"), ("word/a.xml", "")))

    def test_an_open_document_is_the_one_that_it_names(self) -> None:
        text, sheet = (t for t in SAMPLES if t.endswith(("opendocument.text", ".spreadsheet")))
        assert fits(text, SAMPLES[text][0])
        assert not fits(sheet, SAMPLES[text][0])

    def test_pictures_in_a_movie_box_are_no_movie(self) -> None:
        assert not fits("video/mp4", media(b"heic", b"mif1"))
        assert not fits("image/heic", media(b"isom", b"mp42"))

    @pytest.mark.parametrize("size", [0, 1, 8, 12, 15, 17, 2**32 - 4])
    def test_a_box_that_makes_no_sense_is_no_movie(self, size: int) -> None:
        content = size.to_bytes(4, "big") + b"ftypisom\0\0\0\0"
        assert fits("video/mp4", content) == (size == 2**32 - 4)

    def test_a_container_is_not_enough(self) -> None:
        assert not fits("image/webp", riff(b"WAVE"))
        assert not fits("video/webm", b"\x1a\x45\xdf\xa3" + b"\0" * 200 + b"webm")
        assert not fits("audio/mpeg", b"\xff\xfe\x3c\0")

    def test_a_pdf_begins_at_its_beginning(self) -> None:
        assert not fits("application/pdf", b"junk " + PDF)
        assert not fits("application/pdf", HTML + PDF)


class TestUnknownTypes:
    def test_a_type_without_a_signature_is_taken_at_its_word(self) -> None:
        assert fits("application/x-tex", b"\\documentclass{article}")
        assert fits("application/octet-stream", bytes(range(1, 200)))

    @pytest.mark.parametrize("content", [*FOREIGN, b"#!/bin/sh\n", SVG])
    def test_but_not_for_a_page_or_a_program(self, content: bytes) -> None:
        assert not fits("application/x-tex", content)
        assert not fits("image/svg+xml", content)
        assert not fits("text/html", content)


@given(content=st.binary(max_size=300), content_type=st.sampled_from([*ALLOWED, "x/y"]))
def test_any_bytes_get_an_answer(content: bytes, content_type: str) -> None:
    assert fits(content_type, content) in (True, False)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, [1]),
        (PART_BYTES, [PART_BYTES]),
        (PART_BYTES + 1, [PART_BYTES, 1]),
        (3 * PART_BYTES - 1, [PART_BYTES, PART_BYTES, PART_BYTES - 1]),
    ],
)
def test_a_file_is_divided_into_equal_parts(size: int, expected: list[int]) -> None:
    assert part_sizes(size) == expected


def test_parts_are_what_s3_takes() -> None:
    assert 5 * MIB <= PART_BYTES
    assert len(part_sizes(MAX_BYTES)) == 128
    assert sum(part_sizes(MAX_BYTES)) == MAX_BYTES
