"""One post, from its claim to its end: composed in one transaction, sent in none, noted in another.

What posts of a kind say is known to the areas above; they are passed in.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import time

from sqlalchemy import Connection

from chalicelib.channels.claims import (
    Post,
    claim_post,
    note_failed,
    note_sent,
    note_skipped,
)
from chalicelib.channels.errors import PostSkipped, SecretUnreadable, UnknownPostKind
from chalicelib.channels.rules import bound_to
from chalicelib.channels.sealing import unseal
from chalicelib.core import database
from chalicelib.core.batches import insist
from chalicelib.core.settings import get_settings
from chalicelib.integrations import smtp, webhooks
from chalicelib.integrations.destinations import destination
from chalicelib.integrations.errors import MailRefused, OutboundFailure
from chalicelib.integrations.ses import composed

log = logging.getLogger(__name__)

_LONGEST_TELEGRAM = 4096


@dataclass(frozen=True)
class Notice:
    """What a post says: a title, the beginning of a text, and where to read the rest."""

    title: str
    excerpt: str
    link: str


Composer = Callable[[Connection, Post], Notice]


def send_post(post_id: int, composers: Mapping[str, Composer]) -> None:
    """Send a post that is due; `composers` has one for each kind.

    Raises:
        UnknownPostKind: the message will never make sense here.
        SettingMissing, SecretMissing, SecretsAway, DatabaseAway, PoolExhausted: what surrounds us
            is not as it should be.
    """
    with database.transaction() as connection:
        post = claim_post(connection, post_id)
        if post is None:
            return
        try:
            notice = _composed(connection, post, composers)
        except PostSkipped as skipped:
            note_skipped(connection, post, skipped.reason)
            log.info("post_skipped", extra=post.facts | {"reason": skipped.reason})
            return
    try:
        _SENDERS[post.channel_kind](post, notice, _secret(post))
    except OutboundFailure as failure:
        ended = failure
        log.warning("post_failed", extra=post.facts | {"code": failure.code})
        insist(lambda connection: note_failed(connection, post, ended))
    else:
        insist(lambda connection: note_sent(connection, post))
        log.info("post_sent", extra=post.facts)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return what `X-Rollcall-Signature` holds: HMAC-SHA256 over the timestamp, a dot, the body."""
    digest = hmac.digest(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"v1={digest.hex()}"


def _composed(connection: Connection, post: Post, composers: Mapping[str, Composer]) -> Notice:
    compose = composers.get(post.kind)
    if compose is None:
        raise UnknownPostKind(post.kind)
    # A test is how a manager finds out whether to activate it.
    if not post.is_active and post.kind != "test":
        raise PostSkipped("inactive")
    return compose(connection, post)


def _test(_connection: Connection, _post: Post) -> Notice:
    return Notice(
        "Rollcall: a test · 测试",
        "This channel works. 此渠道可用。",
        get_settings().web_root,
    )


COMPOSERS: Mapping[str, Composer] = {"test": _test}


def _secret(post: Post) -> str:
    if post.sealed is None:
        return ""
    try:
        return unseal(post.sealed, bound_to(post.channel_kind, post.settings))
    except SecretUnreadable:
        raise OutboundFailure("secret_unreadable") from None


def _by_mail(post: Post, notice: Notice, secret: str) -> None:
    settings = post.settings
    relay = smtp.Relay(
        # A changed channel gets connections of its own: the old ones belong to another login.
        f"smtp channel {post.channel_id}.{post.channel_version}",
        destination(settings["host"], settings["port"], smtp.PORTS),
        settings["security"],
        settings.get("username", ""),
        secret,
    )
    domain = settings["sender"].partition("@")[2]
    try:
        message = composed(
            sender=settings["sender"],
            to=settings["to"],
            subject=notice.title,
            text=f"{notice.excerpt}\n\n{notice.link}\n",
            html=None,
            headers={
                "Auto-Submitted": "auto-generated",
                "Message-ID": f"<channel-post-{post.id}@{domain}>",
            },
        )
    except MailRefused:
        raise OutboundFailure("refused") from None
    smtp.send_by(relay, message)


def _by_webhook(post: Post, notice: Notice, secret: str) -> None:
    body = _json(
        {
            "id": post.id,
            "kind": post.kind,
            "about": post.about,
            "version": post.occasion,
            "title": notice.title,
            "excerpt": notice.excerpt,
            "link": notice.link,
        }
    )
    timestamp = str(int(time()))
    webhooks.post(
        post.settings["url"],
        body,
        {
            # The same each time a post is sent: who gets it twice can tell.
            "X-Rollcall-Post": str(post.id),
            "X-Rollcall-Timestamp": timestamp,
            "X-Rollcall-Signature": signature(secret, timestamp, body),
        },
    )


def _by_telegram(post: Post, notice: Notice, secret: str) -> None:
    words = f"{notice.title}\n\n{notice.excerpt}"[: _LONGEST_TELEGRAM - len(notice.link) - 2]
    body = _json({"chat_id": post.settings["chat_id"], "text": f"{words}\n\n{notice.link}"})
    webhooks.post(f"{get_settings().telegram_url.rstrip('/')}/bot{secret}/sendMessage", body, {})


_SENDERS: Mapping[str, Callable[[Post, Notice, str], None]] = {
    "smtp": _by_mail,
    "webhook": _by_webhook,
    "telegram": _by_telegram,
}


def _json(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
