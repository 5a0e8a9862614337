"""The letterbox: an SMTP server that the emulator relays every mail to, and keeps them as files.

The emulator itself forgets a mail's headers and, at its end, the mail. Run as a program this file
is that server; the front reads what it keeps: the newest thousand, each as it was sent.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from functools import lru_cache
from pathlib import Path
from typing import Any

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))

import launch
from places import CHECKOUT, Place
from ports import HOST, answers
from supervisor import Program

from chalicelib.core import logs

log = logging.getLogger("localstack.letterbox")

KEPT = 1000
_LARGEST_BYTES = 40 * 1024 * 1024


def program(place: Place, port: int) -> Program:
    """Return how the letterbox runs."""
    return Program(
        name="letterbox",
        command=[sys.executable, __file__, str(port), str(place.mails)],
        environment={"PATH": os.environ.get("PATH", os.defpath), "PYTHONUNBUFFERED": "1"},
        log=place.logs / "letterbox.log",
        port=port,
        directory=CHECKOUT,
        stop_seconds=3.0,
        is_ready=lambda: answers(port),
    )


class Letterbox:
    """Takes mails from SMTP clients; the names of these methods are aiosmtpd's."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def handle_EHLO(
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Greet, and remember when: two clients at once may end in another order."""
        session.host_name = hostname
        session.began = time.time_ns()
        return responses

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        """Keep a mail; its name is the time at which it was sent."""
        name = keep(self._directory, envelope.content, getattr(session, "began", time.time_ns()))
        log.info("mail_kept", extra={"mail": name, "size_bytes": len(envelope.content)})
        return "250 Kept"


def keep(directory: Path, content: bytes, sent_ns: int) -> str:
    """Write a mail that only its owner may read, forget the oldest beyond KEPT; return its name."""
    while (path := directory / f"{sent_ns:019d}.eml").exists():
        sent_ns += 1
    temporary = path.with_suffix(".new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    os.replace(temporary, path)
    for old in _names(directory)[KEPT:]:
        (directory / old).unlink(missing_ok=True)
    return path.stem


def read(directory: Path) -> list[dict[str, Any]]:
    """Return the mails that are kept, newest first."""
    mails = []
    for name in _names(directory):
        try:
            mails.append(_read(directory / name))
        except FileNotFoundError:
            # Forgotten meanwhile.
            continue
    return mails


def _names(directory: Path) -> Sequence[str]:
    return sorted((path.name for path in directory.glob("*.eml")), reverse=True)


@lru_cache(maxsize=KEPT)
def _read(path: Path) -> dict[str, Any]:
    # By the old policy: the new one takes ten times as long, seconds for a thousand mails.
    mail = message_from_bytes(path.read_bytes())
    headers: dict[str, str] = {}
    for name, given in mail.items():
        value = _header(str(given))
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    sent_at = datetime.fromtimestamp(int(path.stem) / 1_000_000_000, UTC)
    return {
        "to": _addresses(mail, "To"),
        "cc": _addresses(mail, "Cc"),
        "from": headers.get("From", ""),
        "subject": headers.get("Subject", ""),
        "text": _body(mail, "text/plain"),
        "html": _body(mail, "text/html"),
        "headers": headers,
        "sent_at": sent_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _header(value: str) -> str:
    unfolded = re.sub(r"[\r\n]+", "", value)
    try:
        return str(make_header(decode_header(unfolded)))
    except (LookupError, ValueError):
        # A character set that nobody knows.
        return unfolded


def _addresses(mail: Message, name: str) -> list[str]:
    given = [str(value) for value in mail.get_all(name, [])]
    return [address for _, address in getaddresses(given) if address]


def _body(mail: Message, content_type: str) -> str | None:
    for part in mail.walk():
        if part.get_content_type() == content_type:
            content = part.get_payload(decode=True)
            try:
                words = bytes(content).decode(part.get_content_charset("utf-8"), "replace")
            except LookupError:
                return None
            return words.replace("\r\n", "\n")
    return None


async def _serve(port: int, directory: Path) -> None:
    from aiosmtpd.smtp import SMTP

    letterbox = Letterbox(directory)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            letterbox, data_size_limit=_LARGEST_BYTES, enable_SMTPUTF8=True, hostname=HOST
        ),
        HOST,
        port,
    )
    await server.serve_forever()


def main() -> None:
    launch.end_with_parent()
    logs.configure()
    # It would log every line that a client sends but the mail itself.
    logging.getLogger("mail.log").setLevel("WARNING")
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2])))


if __name__ == "__main__":
    main()
