"""How often somebody, or a network address, may try something within a while: exactly, by the times
of the last tries, and in one statement each, so that a hundred tries at once count as a hundred.

A try is counted before it is made. Who reached the limit is not counted any further: it ends by
itself, however long somebody goes on knocking. What is kept of a name or an address is a keyed
digest.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from chalicelib.accounts.errors import TooManyAttempts
from chalicelib.accounts.tokens import keyed_digest
from chalicelib.core.settings import get_settings

_QUARTER_HOUR = 15 * 60
_HOUR = 60 * 60
_SITE_PREFIX = 64


class Limit(NamedTuple):
    """What is counted, whose, and how many may be in how many seconds."""

    kind: str
    subject: str
    most: int
    window_seconds: int

    @property
    def digest(self) -> str:
        """What is kept of the subject."""
        return keyed_digest("attempts", f"{self.kind}:{self.subject}".encode()).hex()


# The kinds in one order, so that two who take the same two cannot wait for each other.
_TAKE = text(
    """
    WITH wanted AS MATERIALIZED (
        SELECT kind, decode(digest, 'hex') AS subject, most, make_interval(secs => seconds) AS span
          FROM json_to_recordset(CAST(:wanted AS json))
               AS w (kind text, digest text, most integer, seconds integer)
    ), taken AS (
        INSERT INTO attempts AS kept (kind, subject, hits, expires_at)
        SELECT kind, subject, ARRAY[now()], now() + span FROM wanted ORDER BY kind, subject
            ON CONFLICT (kind, subject) DO UPDATE
           SET hits = ARRAY(SELECT hit FROM unnest(kept.hits) hit
                             WHERE hit > now() - (excluded.expires_at - now())) || now(),
               expires_at = excluded.expires_at
         WHERE (SELECT count(*) FROM unnest(kept.hits) hit
                 WHERE hit > now() - (excluded.expires_at - now()))
             < (SELECT most FROM wanted
                 WHERE wanted.kind = kept.kind AND wanted.subject = kept.subject)
        RETURNING kind
    )
    SELECT now(), (
        SELECT max(coalesce((
                   SELECT CAST(ceil(extract(epoch FROM min(hit) + span - now())) AS integer)
                     FROM attempts kept, unnest(kept.hits) hit
                    WHERE kept.kind = wanted.kind AND kept.subject = wanted.subject
                      AND hit > now() - span), 1))
          FROM wanted WHERE kind NOT IN (SELECT kind FROM taken))
    """
)
_GIVE_BACK = text(
    "UPDATE attempts SET hits = array_remove(hits, CAST(:at AS timestamptz))"
    " WHERE kind = :kind AND subject = decode(:digest, 'hex')"
)
_FORGIVE = text("DELETE FROM attempts WHERE kind = :kind AND subject = decode(:digest, 'hex')")
_EXPIRE = text(
    "DELETE FROM attempts WHERE (kind, subject) IN ("
    "SELECT kind, subject FROM attempts WHERE expires_at < now()"
    " ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
)


def login_of_account(subject: str) -> Limit:
    """Failed logins of one account; `subject` is its id, or the name that nobody has."""
    return Limit("login_account", subject, get_settings().login_failures_per_account, _QUARTER_HOUR)


def login_from(ip: str) -> Limit:
    """Failed logins from one network address."""
    most = get_settings().login_failures_per_address
    return Limit("login_address", _network(ip), most, _QUARTER_HOUR)


def password_check_of(user_id: int) -> Limit:
    """Wrong present passwords of somebody who is signed in; no stranger can use these up."""
    most = get_settings().login_failures_per_account
    return Limit("password_check", str(user_id), most, _QUARTER_HOUR)


def registration_from(ip: str) -> Limit:
    """Registrations from one network address, refused ones too."""
    return Limit("registration", _network(ip), get_settings().registrations_per_address, _HOUR)


def mail_to(address: str) -> Limit:
    """Mails that strangers ask for to one mailbox."""
    return Limit("mail_account", address.lower(), get_settings().mails_per_account, _HOUR)


def mail_asked_from(ip: str) -> Limit:
    """Mails that are asked for from one network address."""
    return Limit("mail_address", _network(ip), get_settings().mails_per_address, _HOUR)


def take(connection: Connection, limits: Sequence[Limit]) -> datetime:
    """Count one try under each of the limits, and return its time, which `give_back` wants.

    Raises:
        TooManyAttempts: one of them is reached; it says after how many seconds it no longer is.
    """
    wanted = json.dumps(
        [
            {
                "kind": limit.kind,
                "digest": limit.digest,
                "most": limit.most,
                "seconds": limit.window_seconds,
            }
            for limit in limits
        ]
    )
    at, retry_after_seconds = connection.execute(_TAKE, {"wanted": wanted}).one()
    if retry_after_seconds is not None:
        raise TooManyAttempts(retry_after_seconds=max(1, retry_after_seconds), keeps_work=True)
    taken_at: datetime = at
    return taken_at


def give_back(connection: Connection, limit: Limit, at: datetime) -> None:
    """Take a try off the count again: it was none of those that are limited."""
    binds = {"kind": limit.kind, "digest": limit.digest, "at": at}
    connection.execute(_GIVE_BACK, binds)


def forgive(connection: Connection, limit: Limit) -> None:
    """Forget every try under a limit."""
    connection.execute(_FORGIVE, {"kind": limit.kind, "digest": limit.digest})


def expire_attempts(connection: Connection, limit: int) -> int:
    """Forget up to `limit` counts whose time is over; return how many."""
    return connection.execute(_EXPIRE, {"limit": limit}).rowcount


def _network(ip: str) -> str:
    """Return what one site has: an IPv4 address, or the /64 that an IPv6 address is in."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _SITE_PREFIX), strict=False))
    return str(address)
