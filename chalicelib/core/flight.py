"""One flight per statement: pg8000 with every message of a statement in one write, one Sync behind.

Stock pg8000 puts a Sync between Parse and Execute. Behind a transaction pooler each Sync outside a
transaction gives the server connection away, so another client's statement may run instead; inside
one it costs five round trips where one does. Here BEGIN, Parse, Bind, Describe and Execute travel
together: types are named by the caller and values go as text, so nothing has to be asked first.
COPY keeps the stock path. docs/decisions/0006 says what this rests on in the pinned pg8000.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from pg8000.converters import make_param, string_in
from pg8000.core import Context
from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.legacy import Connection, NotSupportedError

from chalicelib.core.cursor import FlightCursor, as_stock_raises
from chalicelib.core.wire import (
    BEGIN,
    DATA_ROW,
    DESCRIBE_EXECUTE_SYNC,
    EXECUTE,
    PING,
    READY_FOR_QUERY,
    SILENT,
    bind_message,
    message,
    parse_message,
    unpack_size,
)

_READ_BYTES = 65_536
_READ_BYTES_MAX = 1_048_576
_DESCRIPTIONS_MAX = 256
_PING_TIMEOUT_SECONDS = 2.0


class NoAnswer(InterfaceError):
    """Nobody began to answer in time."""


class FlightConnection(Connection):
    """A pg8000 connection that may be used behind a transaction pooler, in transactions or not.

    Set `autocommit` to read without a transaction: each statement is then one flight of its own.
    What `send_ahead` was given travels in the next flight, before its statement and after BEGIN.
    `answer_by`, on the monotonic clock, is until when the next flight waits for the first word of
    its answer. `timeout` bounds the sign-in only. Afterwards statement_timeout of the role bounds a
    statement, and TCP keepalive finds a peer that is gone without a word.

    An exception that leaves answers unread closes the connection: it is never half-dead.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._unread = b""
        self._descriptions: dict[bytes, tuple[list[Any], list[Any]]] = {}
        self.copy_stream: Any = None
        self.ahead = b""
        self.answer_by: float | None = None
        self.slow_seconds = float("inf")
        self.on_slow: Callable[[str, float], None] = lambda _statement, _seconds: None
        super().__init__(*args, **kwargs)
        self._run_cursor = FlightCursor(self, paramstyle="named")
        self._usock.settimeout(None)
        if self._usock.family != socket.AF_UNIX:
            _tune(self._usock)
        self.used_at = time.time()

    def send_ahead(self, statement: str, values: Sequence[Any]) -> None:
        """Put a statement that returns no rows before the next one, in the same flight.

        Where it fails, the server skips the one behind it: it is how to ask for a condition
        without a round trip. The values are numbered $1, $2 … in the statement.
        """
        encoding = self._client_encoding
        params = [make_param(self.py_types, value) for value in values]
        self.ahead = (
            parse_message(statement, (), encoding) + bind_message(params, encoding) + EXECUTE
        )

    def cursor(self) -> FlightCursor:
        """Return a cursor bound to this connection."""
        return FlightCursor(self)

    def prepare(self, *_operation: str) -> NoReturn:
        """Refuse: a prepared statement stays behind on a server that another client gets next."""
        raise NotSupportedError("prepared statements do not survive a transaction pooler")

    def commit(self) -> None:
        """End the transaction, if one is open, in one round trip."""
        if self._in_transaction:
            self._end("commit")

    def rollback(self) -> None:
        """Undo the transaction, if one is open, in one round trip."""
        if self._in_transaction:
            self._end("rollback")

    def _end(self, statement: str) -> None:
        try:
            self.execute_simple(statement)
        except DatabaseError as error:
            raise as_stock_raises(error) from error

    def close(self) -> None:
        """Take leave and close; a peer that is gone, or a second call, is no error."""
        if self._usock is not None:
            with contextlib.suppress(InterfaceError):
                super().close()

    @property
    def is_closed(self) -> bool:
        """Whether the connection was closed, here or because an exception left answers unread."""
        return self._usock is None

    def answers(self, trusted_seconds: float, forgotten_seconds: float = float("inf")) -> bool:
        """Tell whether the server is still there, by a round trip only where silence proves little.

        A connection used within `trusted_seconds` on which nothing has arrived since is taken as
        alive: a pooler or server that ends closes its sockets, and that would be readable. One that
        lay for `forgotten_seconds` is not asked: what stands between, having dropped it without a
        word, would have the question wait. The wall clock counts because the monotonic one may
        stand still while a Lambda is frozen.
        """
        if self._usock is None:
            return False
        idle_seconds = time.time() - self.used_at
        if 0 <= idle_seconds < trusted_seconds and not self._has_arrived():
            return True
        if idle_seconds >= forgotten_seconds:
            return False
        self._usock.settimeout(_PING_TIMEOUT_SECONDS)
        try:
            self._fly(PING, Context(None))
        except (InterfaceError, DatabaseError):
            return False
        self._usock.settimeout(None)
        return not self._in_transaction

    def _has_arrived(self, within_seconds: float = 0.0) -> bool:
        if self._unread:
            return True
        poll = select.poll()
        poll.register(self._usock, select.POLLIN)
        return bool(poll.poll(within_seconds * 1000))

    def execute_simple(self, statement: str) -> Context:
        """Send one Query message, which may hold several statements, and read its answers."""
        query = message(b"Q", statement.encode(self._client_encoding) + b"\0")
        return self._fly(query, Context(statement))

    def execute_unnamed(
        self,
        statement: str,
        vals: Sequence[Any] = (),
        oids: Sequence[int] = (),
        stream: Any = None,
        *,
        begin: bool = False,
    ) -> Context:
        """Send Parse, Bind, Describe, Execute and one Sync, behind BEGIN if asked, in one write.

        The write cannot deadlock with the answers, however large both are: what is large is a
        single message, the server answers in volume only after Execute, and by then all that may
        be unsent are the few bytes behind it.
        """
        if stream is not None:
            copied: Context = super().execute_unnamed(statement, vals, oids, stream)
            return copied
        ahead, self.ahead = self.ahead, b""
        encoding = self._client_encoding
        out: dict[type, Any] = self.py_types
        params = [
            out[kind](value) if (kind := type(value)) in out else make_param(out, value)
            for value in vals
        ]
        flight = b"".join(
            (
                BEGIN if begin else b"",
                ahead,
                parse_message(statement, tuple(oids), encoding),
                bind_message(params, encoding),
                DESCRIBE_EXECUTE_SYNC,
            )
        )
        return self._fly(flight, Context(statement))

    def _fly(self, flight: bytes, context: Context) -> Context:
        if self._usock is None:
            raise InterfaceError("connection is closed")
        try:
            self._usock.sendall(flight)
        except OSError as error:
            self._abandon()
            raise InterfaceError("network error") from error
        except BaseException:
            self._abandon()
            raise
        if self.answer_by is not None:
            self._await_answer(self.answer_by)
        self.handle_messages(context)
        return context

    def _await_answer(self, by: float) -> None:
        self.answer_by = None
        if not self._has_arrived(max(0.0, by - time.monotonic())):
            self._abandon()
            # By its text SQLAlchemy knows that the connection is lost.
            raise NoAnswer("network error")

    def handle_messages(self, context: Context) -> None:
        """Read up to ReadyForQuery; the stock COPY path reads through here too.

        A value that cannot be converted is raised after the last message, so that the connection
        stays in step with the server.
        """
        try:
            misread = self._read_answers(context)
        except BaseException:
            self._abandon()
            raise
        self.used_at = time.time()
        if context.error is not None:
            raise context.error
        if misread is not None:
            raise misread

    def _read_answers(self, context: Context) -> Exception | None:
        buffer, at = self._unread, 0
        rows: list[list[Any]] = []
        misread: Exception | None = None
        handlers: dict[bytes, Callable[[bytes, Context], None]] = self.message_types
        while True:
            if len(buffer) - at < 5:
                buffer, at = self._receive(buffer[at:], 5, context), 0
            end = at + 1 + unpack_size(buffer, at + 1)[0]
            if len(buffer) < end:
                buffer, end = self._receive(buffer[at:], end - at, context), end - at
                at = 0
            code = buffer[at]
            if code == DATA_ROW:
                if misread is None:
                    try:
                        rows.append(
                            _row(buffer, at + 7, context.input_funcs, self._client_encoding)
                        )
                    except Exception as error:
                        misread = error
            elif code not in SILENT:
                handlers[buffer[at : at + 1]](buffer[at + 5 : end], context)
                if code == READY_FOR_QUERY:
                    self._unread = buffer[end:]
                    if context.rows is not None:
                        context.rows.extend(rows)
                    return misread
            at = end

    def _receive(self, start: bytes, wanted_bytes: int, context: Context) -> bytes:
        """Return `start` and what follows it, at least `wanted_bytes` in all."""
        pieces, missing = [start], wanted_bytes - len(start)
        while missing > 0:
            try:
                piece = self._sock.read1(min(max(missing, _READ_BYTES), _READ_BYTES_MAX))
            except OSError as error:
                raise InterfaceError("network error") from context.error or error
            if not piece:
                # The server's last words (57P01, query_wait_timeout …) are the cause.
                raise InterfaceError("network error") from context.error
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def handle_ROW_DESCRIPTION(self, data: bytes, context: Context) -> None:
        """Read the columns of a result, once for each shape."""
        known = self._descriptions.get(data)
        if known is None:
            super().handle_ROW_DESCRIPTION(data, context)
            if len(self._descriptions) >= _DESCRIPTIONS_MAX:
                self._descriptions.clear()
            self._descriptions[data] = (context.columns, context.input_funcs)
            return
        context.columns, context.input_funcs = known
        if context.rows is None:
            context.rows = []

    def register_in_adapter(self, oid: int, in_func: Callable[[str], Any]) -> None:
        """Convert values of a type with `in_func` from now on."""
        self._descriptions.clear()
        super().register_in_adapter(oid, in_func)

    def _abandon(self) -> None:
        """Close without a farewell: answers may be under way that nobody will read."""
        if self._usock is not None:
            with contextlib.suppress(OSError):
                self._usock.shutdown(socket.SHUT_RDWR)
            self._usock.close()
        self._usock = self._sock = None
        self._transaction_status = None
        self._unread = b""


def _row(buffer: bytes, at: int, funcs: list[Callable[[str], Any]], encoding: str) -> list[Any]:
    row: list[Any] = []
    for func in funcs:
        size = unpack_size(buffer, at)[0]
        at += 4
        if size == -1:
            row.append(None)
        else:
            value = str(buffer[at : at + size], encoding)
            row.append(value if func is string_in else func(value))
            at += size
    return row


def _tune(sock: socket.socket) -> None:
    """Send at once, and notice within 20 seconds a peer that vanished without closing."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in (
        ("TCP_KEEPIDLE", 10),
        ("TCP_KEEPINTVL", 3),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", 15_000),
    ):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
