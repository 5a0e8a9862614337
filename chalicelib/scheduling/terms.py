"""What is done with terms. The caller's role is checked at the edge."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from chalicelib.accounts.rules import Caller
from chalicelib.audit import service as audit
from chalicelib.core.errors import FieldError, Invalid, found
from chalicelib.core.violations import refused_as
from chalicelib.scheduling.errors import BY_CONSTRAINT, TermInUse
from chalicelib.scheduling.queries import (
    TERM_JSON,
    Term,
    find_term,
    knows_timezone,
    outgrows_grid,
)
from chalicelib.scheduling.rules import Period, term_errors
from chalicelib.scheduling.term_schemas import TermChanges, TermIn

_INSERT = text(
    f"""
    INSERT INTO terms (code, name, starts_on, ends_on, timezone, period_starts, period_ends)
    VALUES (:code, :name, :starts_on, :ends_on, :timezone,
            CAST(:period_starts AS time[]), CAST(:period_ends AS time[]))
    RETURNING id, version, {TERM_JSON}
    """  # noqa: S608
)
_UPDATE = text(
    f"""
    UPDATE terms
       SET code = :code, name = :name, starts_on = :starts_on, ends_on = :ends_on,
           timezone = :timezone, period_starts = CAST(:period_starts AS time[]),
           period_ends = CAST(:period_ends AS time[]), updated_at = now(), version = version + 1
     WHERE id = :id
    RETURNING id, version, {TERM_JSON}
    """  # noqa: S608
)
_DELETE = text("DELETE FROM terms WHERE id = :id")


def get_term_for(connection: Connection, _caller: Caller, term_id: int) -> Term:
    """Return a term; whoever is signed in may read all of them.

    Raises:
        NotFound: there is none of that id.
    """
    return found(find_term(connection, term_id))


def lock_term_for(connection: Connection, _caller: Caller, term_id: int) -> Term:
    """Return a term that nobody else changes until this transaction ends.

    Raises:
        NotFound: there is none of that id.
    """
    return found(find_term(connection, term_id, lock=True))


def create_term(connection: Connection, caller: Caller, term: TermIn) -> Term:
    """Add a term.

    Raises:
        Invalid: dates, periods or time zone do not make sense.
        TermCodeTaken: another has the code, in whatever case.
    """
    wanted = term.model_dump(mode="json")
    _check(connection, wanted)
    with refused_as(BY_CONSTRAINT):
        created = Term(*connection.execute(_INSERT, _columns(wanted)).one())
    audit.add(connection, caller, "term_created", "term", created.id, after=_brief(created.shown))
    return created


def change_term(connection: Connection, caller: Caller, term: Term, changes: TermChanges) -> Term:
    """Change the named fields of a locked term.

    Raises:
        Invalid: dates, periods or time zone would not make sense.
        TermCodeTaken: another has the new code.
        TermInUse: meetings are in weeks or periods that the term would no longer have.
    """
    before = term.shown
    wanted = before | changes.model_dump(mode="json", exclude_unset=True)
    # A change that changes nothing makes no new version.
    if wanted == before:
        return term
    _check(connection, wanted)
    with refused_as(BY_CONSTRAINT):
        changed = Term(*connection.execute(_UPDATE, _columns(wanted)).one())
    if outgrows_grid(connection, term.id):
        raise TermInUse
    differing = [name for name in before if before[name] != wanted[name]]
    audit.add(
        connection,
        caller,
        "term_updated",
        "term",
        term.id,
        before=_brief(before, differing),
        after=_brief(wanted, differing),
    )
    return changed


def delete_term(connection: Connection, caller: Caller, term: Term) -> None:
    """Remove a locked term.

    Raises:
        TermInUse: it has sections.
    """
    with refused_as(BY_CONSTRAINT):
        connection.execute(_DELETE, {"id": term.id})
    audit.add(connection, caller, "term_deleted", "term", term.id, before=_brief(term.shown))


def _check(connection: Connection, wanted: Mapping[str, Any]) -> None:
    periods = [Period(**period) for period in wanted["periods"]]
    first, last = (date.fromisoformat(wanted[day]) for day in ("starts_on", "ends_on"))
    errors = term_errors(first, last, periods)
    if not knows_timezone(connection, wanted["timezone"]):
        errors.append(FieldError("timezone", "not_one_of", "There is no such time zone."))
    if errors:
        raise Invalid(errors=errors)


def _columns(wanted: Mapping[str, Any]) -> dict[str, Any]:
    starts = {period["number"]: period["starts_at"] for period in wanted["periods"]}
    ends = {period["number"]: period["ends_at"] for period in wanted["periods"]}
    numbers = range(1, max(starts, default=0) + 1)
    arrays = {
        "period_starts": [starts.get(number) for number in numbers],
        "period_ends": [ends.get(number) for number in numbers],
    }
    return {name: value for name, value in wanted.items() if name != "periods"} | arrays


def _brief(facts: Mapping[str, Any], names: Collection[str] | None = None) -> dict[str, Any]:
    """Return what is kept of a term in the audit log: of the periods, how many."""
    kept = {
        name: facts[name] for name in facts if name != "id" and (names is None or name in names)
    }
    return kept | ({"periods": len(kept["periods"])} if "periods" in kept else {})
