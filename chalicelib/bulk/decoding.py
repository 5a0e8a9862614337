"""From the bytes of a file to blocks of whole lines: encodings, line ends, what is no text at all.

UTF-8 and UTF-16 are told by their byte order marks; without one a file is UTF-8 until a byte says
otherwise, and then, from the start again, GB18030. Only a block is in memory at a time.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Iterator

from chalicelib.bulk.errors import TaskFailed

# A record of this many characters is no record: a quote was left open, or it is not a table.
MAX_RECORD_CHARS = 2 * 1024 * 1024
# Stands for a line beyond that; no real line has this text, since it has no line end.
OVERLONG = "\0\0overlong"

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNATURES = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"PK\x03\x04", "an Excel workbook or ZIP archive; save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save it as CSV"),
    (b"%PDF-", "a PDF"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
)


class NotUTF8(Exception):
    """The file has no byte order mark and is not UTF-8."""


def encoding_of(head: bytes) -> str:
    """Return the encoding that the first bytes of a file promise.

    Raises:
        TaskFailed: `not_csv`, the bytes are those of another kind of file.
    """
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            raise TaskFailed("not_csv", f"The file is {what}.")
    return next((encoding for bom, encoding in _BOMS if head.startswith(bom)), "utf-8")


def texts(chunks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Decode a stream of bytes.

    Raises:
        NotUTF8: `encoding` was a guess, and a wrong one.
        TaskFailed: `encoding`.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in chunks:
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            raise NotUTF8 from error
        raise TaskFailed(
            "encoding", "The file is neither UTF-8, nor UTF-16 with a byte order mark, nor GB18030."
        ) from error


def line_blocks(parts: Iterable[str]) -> Iterator[list[str]]:
    """Cut a stream of text after each LF, CRLF and CR, and yield the lines in blocks.

    Lines keep their ends. One beyond MAX_RECORD_CHARS, so beyond any one part, becomes OVERLONG.
    """
    tail = ""
    for part in parts:
        lines, tail = _cut(tail + part)
        if len(tail) > MAX_RECORD_CHARS:
            # Its first part stands for it, so that it stays too long and never fills the memory.
            tail = tail[: MAX_RECORD_CHARS + 1]
        if lines:
            if len(lines[0]) > MAX_RECORD_CHARS:
                lines[0] = OVERLONG
            yield lines
    if tail:
        yield [OVERLONG if len(tail) > MAX_RECORD_CHARS else tail]


def _cut(text: str) -> tuple[list[str], str]:
    """Return the lines that surely end in `text`, and the rest."""
    if text.count("\r") == text.count("\r\n"):
        lines = text.split("\n")
        tail = lines.pop()
        return [line + "\n" for line in lines], tail
    # Not splitlines(), which also cuts at vertical tabs, separators and U+2028.
    lines = io.StringIO(text, newline="").readlines()
    # A CR at the very end may be the first half of a CRLF.
    tail = "" if lines[-1].endswith("\n") else lines.pop()
    return lines, tail
