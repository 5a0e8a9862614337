"""The messages of Postgres's protocol that a flight is made of, as bytes; each text is packed once.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

from pg8000.dbapi import convert_paramstyle
from pg8000.legacy import ProgrammingError

MAX_BINDS = 65_535

DATA_ROW = ord("D")
READY_FOR_QUERY = ord("Z")
SILENT = frozenset(b"12")  # ParseComplete, BindComplete
_NULL = b"\xff\xff\xff\xff"
_pack_size, unpack_size = Struct("!i").pack, Struct("!i").unpack_from
_pack_count = Struct("!H").pack


def message(code: bytes, data: bytes = b"") -> bytes:
    """Return a message of the given kind."""
    return code + _pack_size(len(data) + 4) + data


EXECUTE = message(b"E", b"\0\0\0\0\0")
DESCRIBE_EXECUTE_SYNC = message(b"D", b"P\0") + EXECUTE + message(b"S")
PING = message(b"Q", b";\0")
# BEGIN goes in the extended protocol: when it fails, the server skips everything up to the one
# Sync. As a Query message of its own it could fail (a late cancel is enough) and the statement
# behind it would run, and commit, alone.
BEGIN = message(b"P", b"\0begin transaction\0\0\0") + message(b"B", b"\0\0\0\0\0\0\0\0") + EXECUTE


@lru_cache(maxsize=256)
def numbered(style: str, operation: str) -> str:
    """Return the statement with $1, $2 … as pg8000 writes it; its scan costs more than the rest."""
    return str(convert_paramstyle(style, operation, ())[0])


@lru_cache(maxsize=256)
def parse_message(statement: str, oids: tuple[int, ...], encoding: str) -> bytes:
    """Return the Parse of a statement; the server finds out the type of -1."""
    types = b"".join(_pack_size(0 if oid == -1 else oid) for oid in oids)
    text = statement.encode(encoding)
    return message(b"P", b"\0" + text + b"\0" + _pack_count(len(oids)) + types)


def bind_message(params: list[str | None], encoding: str) -> bytes:
    """Return the Bind of values as texts, answers as texts too."""
    if len(params) > MAX_BINDS:
        raise ProgrammingError(f"{len(params)} binds in a statement; {MAX_BINDS} is the most")
    pieces = [b"\0\0\0\0", _pack_count(len(params))]
    for param in params:
        if param is None:
            pieces.append(_NULL)
        else:
            encoded = param.encode(encoding)
            pieces.append(_pack_size(len(encoded)))
            pieces.append(encoded)
    pieces.append(b"\0\0")
    return message(b"B", b"".join(pieces))
