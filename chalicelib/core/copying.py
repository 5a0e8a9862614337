"""COPY in and out, inside a transaction: the fast lane for rows by the hundred thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import Connection

from chalicelib.core.dialect import flight_of

_COPY_BYTES = 131_072


def copy_in(connection: Connection, sql: str, chunks: Iterable[bytes]) -> int:
    """Send `chunks` to a COPY … FROM STDIN in the transaction of `connection`; return the rows.

    Whatever fails, a source that raises included, costs the connection: the transaction is lost.
    """
    try:
        return _copy(connection, sql, _gathered(chunks))
    except BaseException:
        # The server may have given up before the first chunk; then more answers are under way
        # than the stock path reads.
        connection.invalidate()
        raise


def copy_out(connection: Connection, sql: str, write: Callable[[bytes], object]) -> int:
    """Give the bytes of a COPY … TO STDOUT to `write`, in large pieces; return the rows.

    A `write` that raises costs the connection: the transaction is lost.
    """
    sink = _Gathering(write)
    rows = _copy(connection, sql, sink)
    sink.flush()
    return rows


def _copy(connection: Connection, sql: str, stream: object) -> int:
    flight = flight_of(connection)
    flight.copy_stream = stream
    try:
        return connection.exec_driver_sql(sql).rowcount
    finally:
        flight.copy_stream = None
        if flight.is_closed:
            connection.invalidate()


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Join small chunks, since pg8000 flushes each."""
    pending, size = [], 0
    for chunk in chunks:
        pending.append(chunk)
        size += len(chunk)
        if size >= _COPY_BYTES:
            yield b"".join(pending)
            pending, size = [], 0
    if pending:
        yield b"".join(pending)


class _Gathering:
    """A stream for COPY … TO STDOUT, which sends each row as a message of its own."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._pending: list[bytes] = []
        self._size = 0

    def write(self, row: bytes) -> None:
        self._pending.append(row)
        self._size += len(row)
        if self._size >= _COPY_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._pending:
            self._write(b"".join(self._pending))
            self._pending, self._size = [], 0
