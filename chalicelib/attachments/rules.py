"""Whether the first bytes of a file are those of its type: pure rules, without any I/O.

A type in the table below must begin as its format does, so whatever is something else, a page or a
program above all, does not pass under its name. Text has no signature: it must be decodable, free
of control characters, and must not begin as HTML or SVG would. A type that is not in the table is
taken at its word unless it begins as a page or a program. What a document does inside its own
format (macros, links) is not looked at.

Signatures: the formats' own specifications, RFC 8794 for Matroska, ISO/IEC 14496-12 for MP4 and its
relatives; what counts as a page follows https://mimesniff.spec.whatwg.org.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Literal

# Whose files: a course's, or those that are of no course and go with announcements.
Shelf = Literal["course", "announcement"]

PREFIX_BYTES = 4096
MAX_BYTES = 1024 * 1024 * 1024
# S3 takes parts from 5 MiB, but for the last; 1 GiB is 128 of these.
PART_BYTES = 8 * 1024 * 1024

_Check = Callable[[bytes], bool]

_BLANK = b"\t\n\f\r "
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_PROGRAMS = (
    b"MZ",
    b"\x7fELF",
    b"#!",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\0asm",
)
_PAGE = re.compile(
    rb"(?:\s|<\?xml[^>]*>|<!--.*?-->)*+"
    rb"<(?:!--|!doctype|(?:html|head|body|title|meta|base|link|style|script|noscript|iframe"
    rb"|frameset|object|embed|applet|form|svg|[a-z]+:(?:html|svg|script))[\s/>])",
    re.IGNORECASE | re.DOTALL,
)
_BOM = codecs.BOM_UTF8
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_OFFICE_ENTRIES = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"customXml/")


def fits_type(content_type: str, prefix: bytes, size_bytes: int) -> bool:
    """Tell whether a file of that size whose first PREFIX_BYTES these are may be of that type."""
    if content_type in _TEXT_TYPES:
        return _is_text(prefix, whole=len(prefix) >= size_bytes)
    check = _SIGNATURES.get(content_type)
    if check is not None:
        return check(prefix)
    return not prefix.startswith(_PROGRAMS) and not _is_page(prefix)


def part_sizes(size_bytes: int) -> list[int]:
    """Return the sizes of the parts that a file of that size is uploaded in."""
    full, rest = divmod(size_bytes, PART_BYTES)
    return [PART_BYTES] * full + ([rest] if rest else [])


def _is_text(prefix: bytes, *, whole: bool) -> bool:
    # GB18030 finds a character in nearly any pair of bytes, those of a PDF's first lines too.
    if _CONTROLS.search(prefix) or _is_page(prefix) or _is_pdf(prefix):
        return False
    return any(_decodes(prefix, encoding, whole=whole) for encoding in ("utf-8", "gb18030"))


def _decodes(prefix: bytes, encoding: str, *, whole: bool) -> bool:
    """Tell whether bytes are text; of a file that goes on, the last character may be cut short."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(prefix, final=whole)
    except UnicodeDecodeError:
        return False
    return True


def _is_page(prefix: bytes) -> bool:
    return _PAGE.match(prefix.removeprefix(_BOM)) is not None


def _starts(*signatures: bytes) -> _Check:
    return lambda prefix: prefix.startswith(signatures)


def _riff(form: bytes) -> _Check:
    return lambda prefix: prefix.startswith(b"RIFF") and prefix[8:12] == form


def _brands(prefix: bytes) -> list[bytes]:
    """Return the brands of an ISO media file, the major one first; none where it is none."""
    size = int.from_bytes(prefix[:4], "big")
    if prefix[4:8] != b"ftyp" or size < 16 or size % 4:
        return []
    box = prefix[: min(size, len(prefix) // 4 * 4)]
    return [box[8:12], *(box[at : at + 4] for at in range(16, len(box), 4))]


def _is_movie(prefix: bytes) -> bool:
    brands = _brands(prefix)
    return bool(brands) and brands[0] not in _HEIF_BRANDS | _AVIF_BRANDS


def _is_quicktime(prefix: bytes) -> bool:
    old = prefix[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
    return old or _is_movie(prefix)


def _is_heif(prefix: bytes) -> bool:
    return not _HEIF_BRANDS.isdisjoint(_brands(prefix))


def _is_avif(prefix: bytes) -> bool:
    return not _AVIF_BRANDS.isdisjoint(_brands(prefix))


def _matroska(*doctypes: bytes) -> _Check:
    return lambda prefix: (
        prefix.startswith(b"\x1a\x45\xdf\xa3")
        and any(doctype in prefix[:128] for doctype in doctypes)
    )


def _is_pdf(prefix: bytes) -> bool:
    return prefix.removeprefix(_BOM).lstrip(_BLANK).startswith(b"%PDF-")


def _is_mpeg_audio(prefix: bytes) -> bool:
    # eleven bits of sync, any version, layer III or II
    frame = len(prefix) > 2 and prefix[0] == 0xFF and prefix[1] & 0xE6 in (0xE2, 0xE4)
    return frame or prefix.startswith(b"ID3")


def _is_aac(prefix: bytes) -> bool:
    frame = len(prefix) > 2 and prefix[0] == 0xFF and prefix[1] & 0xF6 == 0xF0
    return frame or prefix.startswith((b"ADIF", b"ID3"))


def _first_entry(prefix: bytes) -> tuple[bytes, bytes]:
    """Return name and beginning of the content of the first file in a ZIP archive."""
    if not prefix.startswith(b"PK\x03\x04"):
        return b"", b""
    name_ends = 30 + int.from_bytes(prefix[26:28], "little")
    begins = name_ends + int.from_bytes(prefix[28:30], "little")
    return prefix[30:name_ends], prefix[begins:]


def _office(folder: bytes) -> _Check:
    return lambda prefix: _first_entry(prefix)[0].startswith((*_OFFICE_ENTRIES, folder))


def _typed_archive(content_type: bytes) -> _Check:
    """Return the check of a format that names itself in an entry `mimetype`, stored as it is."""

    def check(prefix: bytes) -> bool:
        name, content = _first_entry(prefix)
        return name == b"mimetype" and content.startswith(content_type)

    return check


_is_zip = _starts(b"PK\x03\x04", b"PK\x05\x06")
_is_ole = _starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_is_rtf = _starts(b"{\\rtf")
_is_wave = _riff(b"WAVE")
_is_ogg = _starts(b"OggS")
_is_flac = _starts(b"fLaC")
_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument"

_TEXT_TYPES = frozenset({"text/plain", "text/csv", "text/markdown"})
_SIGNATURES: dict[str, _Check] = {
    "application/pdf": _is_pdf,
    "application/rtf": _is_rtf,
    "text/rtf": _is_rtf,
    "application/msword": _is_ole,
    "application/vnd.ms-excel": _is_ole,
    "application/vnd.ms-powerpoint": _is_ole,
    f"{_OPEN_XML}.wordprocessingml.document": _office(b"word/"),
    f"{_OPEN_XML}.spreadsheetml.sheet": _office(b"xl/"),
    f"{_OPEN_XML}.presentationml.presentation": _office(b"ppt/"),
    **{
        f"{_OPEN_DOCUMENT}.{kind}": _typed_archive(f"{_OPEN_DOCUMENT}.{kind}".encode())
        for kind in ("text", "spreadsheet", "presentation")
    },
    "application/epub+zip": _typed_archive(b"application/epub+zip"),
    "application/zip": _is_zip,
    "application/x-zip-compressed": _is_zip,
    "application/gzip": _starts(b"\x1f\x8b\x08"),
    "application/x-7z-compressed": _starts(b"7z\xbc\xaf\x27\x1c"),
    "image/png": _starts(b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": _starts(b"\xff\xd8\xff"),
    "image/gif": _starts(b"GIF87a", b"GIF89a"),
    "image/webp": _riff(b"WEBP"),
    "image/bmp": _starts(b"BM"),
    "image/tiff": _starts(b"II*\0", b"MM\0*"),
    "image/heic": _is_heif,
    "image/heif": _is_heif,
    "image/avif": _is_avif,
    "audio/mpeg": _is_mpeg_audio,
    "audio/aac": _is_aac,
    "audio/mp4": _is_movie,
    "audio/x-m4a": _is_movie,
    "audio/ogg": _is_ogg,
    "audio/wav": _is_wave,
    "audio/x-wav": _is_wave,
    "audio/flac": _is_flac,
    "audio/x-flac": _is_flac,
    "audio/webm": _matroska(b"webm"),
    "video/mp4": _is_movie,
    "video/quicktime": _is_quicktime,
    "video/webm": _matroska(b"webm"),
    "video/x-matroska": _matroska(b"matroska", b"webm"),
    "video/ogg": _is_ogg,
    "video/mpeg": _starts(b"\0\0\x01\xba", b"\0\0\x01\xb3"),
    "video/x-msvideo": _riff(b"AVI "),
}
