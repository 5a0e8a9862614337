"""A TCP proxy on the loopback whose line a drill makes slow, cuts, half closes or silences.

It runs in a thread with a loop of its own; what is asked for has happened when the call returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any

_READ_BYTES = 65_536
# Closing then sends RST and forgets what was not sent.
_WITHOUT_FAREWELL = struct.pack("ii", 1, 0)


class BadLine:
    """A line from `port` to `target_port`, good until told otherwise."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._writers: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_cut = False
        self._latency_seconds = 0.0
        listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(listening.getsockname()[1])
        # Not here: a browser's driver may keep a loop of its own running in this thread.
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, sock=listening), self._loop
        ).result()

    def slow_down(self, latency_seconds: float) -> None:
        """Have every piece take this long more, in each direction."""
        self._latency_seconds = latency_seconds

    def silence(self) -> None:
        """Let nothing through, and tell nobody: connections stay open."""
        self._do(self._flows.clear)

    def reset(self) -> None:
        """Break every connection that there is, by RST to both ends."""
        self._do(self._reset)

    def cut(self) -> None:
        """Break every connection, and every new one as soon as it is there."""
        self._is_cut = True
        self.reset()

    def half_close(self) -> None:
        """End what comes from the server, for every connection; the way to it stays open."""
        self._do(self._half_close)

    def mend(self) -> None:
        """Be a good line again; what was held back arrives."""
        self._is_cut = False
        self._latency_seconds = 0.0
        self._do(self._flows.set)

    def end(self) -> None:
        """Break everything and stop listening."""
        self.cut()
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        serving = asyncio.all_tasks() - {asyncio.current_task()}
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    def _do(self, what: Callable[[], Any]) -> None:
        done = threading.Event()

        def do() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(do)
        done.wait()

    def _reset(self) -> None:
        for pair in self._writers:
            for writer in pair:
                _break(writer)

    def _half_close(self) -> None:
        for to_client, _ in self._writers:
            with contextlib.suppress(OSError, RuntimeError):
                to_client.write_eof()

    async def _serve(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        if self._is_cut:
            _break(to_client)
            return
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            _break(to_client)
            return
        pair = (to_client, to_server)
        self._writers.add(pair)
        try:
            await asyncio.gather(
                self._pump(from_client, to_server), self._pump(from_server, to_client)
            )
        finally:
            self._writers.discard(pair)
            to_client.close()
            to_server.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            while data := await source.read(_READ_BYTES):
                if self._latency_seconds:
                    await asyncio.sleep(self._latency_seconds)
                await self._flows.wait()
                sink.write(data)
                await sink.drain()
        # A peer that left, or a half that was closed before: the other end is told.
        with contextlib.suppress(OSError, RuntimeError):
            sink.write_eof()


def _break(writer: asyncio.StreamWriter) -> None:
    connected = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _WITHOUT_FAREWELL)
    writer.transport.abort()
