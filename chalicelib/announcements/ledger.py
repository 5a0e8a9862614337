"""The ledger of what became of deliveries: events, and seals that tell whether one was changed.

An event is a row about one delivery or many. A seal covers events that had none, in their order;
its SHA-256 is over the seal before it and a line for each event, so that whoever has kept a seal
can prove what came before it. docs/announcements.md shows how to check a proof without us.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from chalicelib.announcements.queries import moment
from chalicelib.core.listing import Listing
from chalicelib.core.pagination import Page, PageQuery

FIRST = "0" * 64

# A seal holds that many people at most, or a single event.
_MOST_PEOPLE = 20_000
_MOST_EVENTS = 5_000
# Some hundred milliseconds of work, for which edits of the announcement wait.
_MOST_SEALS = 10

# To the microsecond, as it is kept: what is sealed can be told from any other moment.
LINE = """
    id || '|' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '|' || kind
    || '|' || version || '|' || array_to_string(user_ids, ' ')
"""
_WITHDRAWN = text(
    "INSERT INTO delivery_events (announcement_id, kind, version, user_ids)"
    " VALUES (:id, 'withdrawn', :version, '{}')"
)
_LOCK = text("SELECT seals FROM announcements WHERE id = :id FOR NO KEY UPDATE")
_SEAL = text(
    f"""
    WITH pending AS (
        SELECT id, {LINE} AS line,
               sum(cardinality(user_ids) + 1) OVER (ORDER BY id) AS people,
               row_number() OVER (ORDER BY id) AS place
          FROM (SELECT * FROM delivery_events
                 WHERE announcement_id = :id AND seal IS NULL
                 ORDER BY id LIMIT :most_events) unsealed),
    chosen AS MATERIALIZED (
        SELECT id, line FROM pending WHERE place = 1 OR people <= :most_people),
    head AS (
        SELECT coalesce((SELECT sha256 FROM announcement_seals
                          WHERE announcement_id = :id AND number = :seals),
                        :first) AS previous),
    sealed AS (
        INSERT INTO announcement_seals (announcement_id, number, previous, sha256, events,
                                        sealed_at)
        SELECT :id, :seals + 1, previous,
               encode(sha256(convert_to(concat_ws(chr(10), previous, {moment("at")}, lines),
                                        'UTF8')), 'hex'), events, at
          FROM head, (SELECT string_agg(line, chr(10) ORDER BY id) AS lines, count(*) AS events,
                             clock_timestamp() AS at
                        FROM chosen) joined
         WHERE events > 0
        RETURNING number),
    marked AS (
        UPDATE delivery_events SET seal = number
          FROM chosen, sealed WHERE delivery_events.id = chosen.id)
    UPDATE announcements SET seals = number FROM sealed WHERE id = :id
    """  # noqa: S608
)
_UNSEALED = text(
    """
    SELECT DISTINCT announcement_id FROM (
        SELECT announcement_id FROM delivery_events WHERE seal IS NULL
         ORDER BY announcement_id, id LIMIT :most_events) unsealed
    """
)
# Mails know nothing of deliveries; what became of them is taken over, once for each fate. The rows
# are locked by user, as chunks and reminders do.
_TAKE_OVER = text(
    """
    WITH fresh AS MATERIALIZED (
        SELECT mails.id, mails.user_id, about, told, mails.state, asked_version, withdrawn_at
          FROM mails JOIN announcements ON announcements.id = about
         WHERE occasion IS NOT NULL AND about IS NOT NULL AND kind LIKE 'announcement%'
           AND mails.state IN ('sent', 'bounced', 'complained')
           AND told IS DISTINCT FROM mails.state
         ORDER BY mails.id LIMIT :limit FOR UPDATE OF mails SKIP LOCKED),
    noted AS (
        UPDATE mails SET told = fresh.state FROM fresh WHERE mails.id = fresh.id),
    fates AS (
        SELECT about, user_id, asked_version, 'mailed' AS kind FROM fresh WHERE told IS NULL
         UNION ALL
        SELECT about, user_id, asked_version, 'bounced' FROM fresh WHERE state = 'bounced'),
    events AS (
        INSERT INTO delivery_events (announcement_id, kind, version, user_ids)
        SELECT about, kind, asked_version, array_agg(user_id ORDER BY user_id)
          FROM fates GROUP BY about, kind, asked_version ORDER BY about, kind DESC),
    locked AS MATERIALIZED (
        SELECT deliveries.id, last.kind
          FROM (SELECT about, user_id, min(kind) AS kind FROM fates GROUP BY about, user_id) last
          JOIN deliveries ON announcement_id = about AND deliveries.user_id = last.user_id
         ORDER BY announcement_id, deliveries.user_id FOR NO KEY UPDATE OF deliveries),
    marked AS (
        UPDATE deliveries SET mail = locked.kind FROM locked WHERE deliveries.id = locked.id)
    SELECT count(*) FROM fresh
    """
)
_PROOF = Listing(
    table="announcement_seals",
    id="number",
    fields=f"""
        number, previous, sha256, {moment("sealed_at")} AS sealed_at,
        (SELECT json_agg({LINE} ORDER BY id) FROM delivery_events
          WHERE delivery_events.announcement_id = announcement_seals.announcement_id
            AND seal = number) AS events
    """,  # noqa: S608
    conditions={"announcement": "announcement_id = :announcement"},
)


def note_withdrawn(connection: Connection, announcement_id: int, version: int) -> None:
    """Write down that all deliveries of an announcement were withdrawn."""
    connection.execute(_WITHDRAWN, {"id": announcement_id, "version": version})


def take_over_mails(connection: Connection, limit: int) -> int:
    """Write down what became of up to `limit` mails about announcements; return how many."""
    return int(connection.execute(_TAKE_OVER, {"limit": limit}).scalar_one())


def list_unsealed(connection: Connection) -> list[int]:
    """Return the ids of announcements with events that have no seal; of many, some."""
    return list(connection.execute(_UNSEALED, {"most_events": _MOST_EVENTS}).scalars())


def seal_events(connection: Connection, announcement_id: int) -> int:
    """Seal what has no seal yet; return how many seals that took, 10 at most.

    An event that was written before another one but committed after it gets a later seal.
    """
    seals = connection.execute(_LOCK, {"id": announcement_id}).scalar_one_or_none()
    made = 0
    while seals is not None and made < _MOST_SEALS and _sealed(connection, announcement_id, seals):
        seals, made = seals + 1, made + 1
    return made


def list_proof(connection: Connection, announcement_id: int, query: PageQuery) -> Page:
    """Return a page of seals with their events, oldest first.

    Raises:
        InvalidCursor: the cursor is not one of this list.
    """
    return _PROOF.page(connection, query, sort="number", announcement=announcement_id)


def _sealed(connection: Connection, announcement_id: int, seals: int) -> bool:
    binds = {
        "id": announcement_id,
        "seals": seals,
        "first": FIRST,
        "most_events": _MOST_EVENTS,
        "most_people": _MOST_PEOPLE,
    }
    return connection.execute(_SEAL, binds).rowcount == 1
