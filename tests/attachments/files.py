"""The beginnings of files of every type that a school takes, as their formats have them."""

from __future__ import annotations

import io
import struct
import zipfile


def archive(*entries: tuple[str, str]) -> bytes:
    """Return a ZIP archive with these entries, stored, in this order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in entries:
            file.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def media(major: bytes, *compatible: bytes) -> bytes:
    """Return an ISO media file's first box and the beginning of the next."""
    brands = major + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I4s", 8 + len(brands), b"ftyp") + brands + b"\0\0\0\x08moov"


def riff(form: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4) + form + b"LIST"


def office(folder: str) -> bytes:
    entries = ("[Content_Types].xml", "<Types/>"), ("_rels/.rels", ""), (f"{folder}/a.xml", "")
    return archive(*entries)


def typed_archive(content_type: str) -> bytes:
    return archive(("mimetype", content_type), ("content.xml", "<a/>"))


_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument"
_OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
_WEBM = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d")
_MATROSKA = bytes.fromhex("1a45dfa3a34286810142f7810142f2810442f3810842828861") + b"matroska"

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
TEXT = "第一讲\tLecture 1\r\n".encode()
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
PROGRAM = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0"

SAMPLES: dict[str, tuple[bytes, ...]] = {
    "application/pdf": (PDF, b"\xef\xbb\xbf\r\n" + PDF),
    "application/rtf": (b"{\\rtf1\\ansi",),
    "text/rtf": (b"{\\rtf1\\ansi",),
    "application/msword": (_OLE,),
    "application/vnd.ms-excel": (_OLE,),
    "application/vnd.ms-powerpoint": (_OLE,),
    f"{_OPEN_XML}.wordprocessingml.document": (office("word"), archive(("word/a.xml", ""))),
    f"{_OPEN_XML}.spreadsheetml.sheet": (office("xl"), archive(("xl/workbook.xml", ""))),
    f"{_OPEN_XML}.presentationml.presentation": (office("ppt"), archive(("ppt/a.xml", ""))),
    **{
        f"{_OPEN_DOCUMENT}.{kind}": (typed_archive(f"{_OPEN_DOCUMENT}.{kind}"),)
        for kind in ("text", "spreadsheet", "presentation")
    },
    "application/epub+zip": (typed_archive("application/epub+zip"),),
    "text/plain": (TEXT, TEXT.decode().encode("gb18030"), b"\xef\xbb\xbfx", b"#!/bin/sh\n", b"MZ"),
    "text/csv": (b"code,title\n1,a\n", "代码;名称\n".encode("gb18030")),
    "text/markdown": (b"# One\n", b"<!-- a note -->\n\n# One\n", b"<h1 align=center>One</h1>\n"),
    "application/zip": (archive(("a.txt", "a")), archive()),
    "application/x-zip-compressed": (archive(("a.txt", "a")),),
    "application/gzip": (b"\x1f\x8b\x08\0",),
    "application/x-7z-compressed": (b"7z\xbc\xaf\x27\x1c\0\x04",),
    "image/png": (PNG,),
    "image/jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF", b"\xff\xd8\xff\xe1\0\x10Exif"),
    "image/gif": (b"GIF89a\x01\0", b"GIF87a\x01\0"),
    "image/webp": (riff(b"WEBP"),),
    "image/bmp": (b"BM\x46\0\0\0",),
    "image/tiff": (b"II*\0\x08\0", b"MM\0*\0\x08"),
    "image/heic": (media(b"heic", b"mif1", b"MiHE", b"heic"), media(b"mif1", b"heic")),
    "image/heif": (media(b"mif1", b"mif1"),),
    "image/avif": (media(b"avif", b"avif", b"mif1", b"miaf"),),
    "audio/mpeg": (b"ID3\x04\0\0", b"\xff\xfb\x90\x64", b"\xff\xe3\x18\xc4", b"\xff\xfd\x90\0"),
    "audio/aac": (b"\xff\xf1\x50\x80", b"\xff\xf9\x50\x80", b"ADIF\0\0"),
    "audio/mp4": (media(b"M4A ", b"M4A ", b"mp42", b"isom"),),
    "audio/x-m4a": (media(b"M4A ", b"mp42"),),
    "audio/ogg": (b"OggS\0\x02",),
    "audio/wav": (riff(b"WAVE"),),
    "audio/x-wav": (riff(b"WAVE"),),
    "audio/flac": (b"fLaC\0\0\0\x22",),
    "audio/x-flac": (b"fLaC\0\0\0\x22",),
    "audio/webm": (_WEBM,),
    "video/mp4": (media(b"isom", b"isom", b"iso2", b"avc1", b"mp41"), media(b"mp42")),
    "video/quicktime": (media(b"qt  ", b"qt  "), b"\0\0\0\x08wide\0\0\x10\0mdat"),
    "video/webm": (_WEBM,),
    "video/x-matroska": (_MATROSKA, _WEBM),
    "video/ogg": (b"OggS\0\x02",),
    "video/mpeg": (b"\0\0\x01\xba\x44\0", b"\0\0\x01\xb3\x16\0"),
    "video/x-msvideo": (riff(b"AVI "),),
}

# What is nobody's type, whatever it is called.
FOREIGN: tuple[bytes, ...] = (
    HTML,
    b"\xef\xbb\xbf \r\n<HTML lang=en>",
    b"<!-- <p> --> <!-- --><body onload=alert(1)>",
    b"<!-- never ends" + b" " * 200,
    b"<?xml version='1.0'?>\n<!-- x -->\n" + SVG,
    b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"><svg>',
    b"<x:svg xmlns:x='http://www.w3.org/2000/svg'/>",
    b"<script>alert(1)</script>",
    b"<script/src=//a.example>",
    SVG,
    PROGRAM,
    b"\x7fELF\x02\x01\x01\0",
    b"\xcf\xfa\xed\xfe\x07\0\0\x01",
    b"\xca\xfe\xba\xbe\0\0\0\x3d",
    b"\0asm\x01\0\0\0",
)
