"""The SQL of an import, put together from what a kind says of itself; engine and kinds meet here.

One statement judges all staged rows, writes those that are new or differ, and tells the outcome of
each: so the rules, the difference and the write see the same data.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from functools import cache

from sqlalchemy import TextClause, text

from chalicelib.bulk.judging import only_new, outcome_ctes, quoted, value_list, written_fields
from chalicelib.core.kinds import STAGED_COLUMNS, Field, Kind

_INDENTED = re.compile(r"\s*\n\s*")
_COUNTS = """
    count(*) AS total,
    count(*) FILTER (WHERE outcome = 'created') AS created,
    count(*) FILTER (WHERE outcome = 'updated') AS updated,
    count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged,
    count(*) FILTER (WHERE outcome = 'failed') AS failed,
    coalesce(sum(warnings), 0) AS warnings,
    count(*) FILTER (WHERE errors IS NOT NULL) AS told
"""


def _text(sql: str) -> TextClause:
    # Without its indentation a statement stays below what pins a session behind RDS Proxy.
    return text(_INDENTED.sub("\n", sql))


def _counts(kind: Kind) -> str:
    return _COUNTS + "".join(f", {sql} AS {name}" for name, sql in kind.counts.items())


def staged_columns(kind: Kind, names: Collection[str]) -> str:
    """Return the columns of import_rows that hold these columns of a kind, as a list."""
    return ", ".join(STAGED_COLUMNS[kind.columns.index(name)] for name in names)


@cache
def lock_statements(kind: Kind) -> tuple[TextClause, ...]:
    """Return the statements that lock what the staged rows of task `:number` are about."""
    keys = ", ".join(f"{STAGED_COLUMNS[kind.columns.index(name)]} AS {name}" for name in kind.key)
    return tuple(
        _text(
            f"""
            WITH r AS MATERIALIZED (SELECT {keys} FROM import_rows WHERE task_number = :number)
            SELECT count(*) FROM ({locks}) locked
            """  # noqa: S608
        )
        for locks in kind.locks
    )


@cache
def apply_statement(kind: Kind, present: frozenset[str]) -> TextClause:
    """Return the statement that writes the staged rows of task `:number` and tells the counts.

    `present` are the columns of the file. Rows that failed, or have warnings, go to task_rows.
    """
    fields = written_fields(kind, present)
    return _text(
        f"""
        WITH {outcome_ctes(kind, present)},
        {_changed(kind, fields, pinned=False)}
        added AS ({_insert(kind, present)} {_returning(kind)}),
        {_consequences(kind)}
        told AS ({_tell("errors IS NOT NULL")})
        SELECT {_counts(kind)} FROM outcomes
        """  # noqa: S608
    )


@cache
def apply_plan_statement(kind: Kind, present: frozenset[str]) -> TextClause:
    """Return the statement that writes what the plan `:plan` says, unless its data changed.

    `stale` counts the rows whose target is not as the plan found it; if there is one, none is
    written. Whoever runs it compares `written` with the plan, for changes made meanwhile. What the
    plan found worth a look is not looked for again.
    """
    fields = written_fields(kind, present)
    return _text(
        f"""
        WITH {outcome_ctes(replace(kind, noticed=""), present, name="found")},
        outcomes AS MATERIALIZED (
            SELECT found.line, found.key, found.match_key, found.target_id, found.target_version,
                   coalesce(jsonb_array_length(jsonb_path_query_array(
                       plan.errors, '$[*] ? (@.severity == "warning")')), 0) AS warnings,
                   found.changes, {value_list("found", kind, present)}
                   plan.errors,
                   coalesce(plan.outcome, 'missing') AS outcome,
                   plan.outcome IN ('created', 'updated')
                       AND (found.outcome, found.target_id, found.target_version)
                           IS DISTINCT FROM (plan.outcome, plan.target_id, plan.target_version)
                       OR plan.outcome IS NULL {_allotted_otherwise(kind)} AS stale
              FROM found
              LEFT JOIN task_rows plan ON plan.task_number = :plan AND plan.line = found.line
        ),
        verdict AS MATERIALIZED (SELECT count(*) FILTER (WHERE stale) AS stale FROM outcomes),
        {_changed(kind, fields, pinned=True)}
        added AS ({_insert(kind, present, "AND (SELECT stale FROM verdict) = 0")}
                  {_returning(kind) or "RETURNING 1"}),
        {_consequences(kind)}
        told AS ({_tell("errors IS NOT NULL")})
        SELECT {_counts(kind)},
               (SELECT stale FROM verdict) AS stale,
               {"(SELECT count(*) FROM changed) +" if kind.fields else ""}
               (SELECT count(*) FROM added) AS written
          FROM outcomes
        """  # noqa: S608
    )


@cache
def plan_statement(kind: Kind, present: frozenset[str]) -> TextClause:
    """Return the statement that writes the outcome of every staged row into task_rows, and answers
    the counts and a digest of them.
    """
    return _text(
        f"""
        WITH {outcome_ctes(kind, present, plans=True)},
        told AS ({_tell("true")})
        SELECT {_counts(kind)},
               encode(sha256(convert_to(coalesce(string_agg(
                   concat_ws(':', line, outcome, target_id, target_version, md5(changes::text)),
                   ',' ORDER BY line), ''), 'UTF8')), 'hex') AS plan_hash
          FROM outcomes
        """  # noqa: S608
    )


@cache
def stale_statement(kind: Kind) -> TextClause:
    """Return a SELECT that tells whether the data that plan `:number` touches has changed."""
    updated = f"""
        EXISTS (SELECT FROM task_rows plan LEFT JOIN {kind.table} t ON t.id = plan.target_id
                 WHERE plan.task_number = :number AND plan.outcome = 'updated'
                   AND t.version IS DISTINCT FROM plan.target_version)
    """  # noqa: S608
    return _text(
        f"""
        SELECT {updated if kind.fields else "false"}
            OR EXISTS (
                   SELECT FROM task_rows plan JOIN ({kind.target_keys}) t ON t.key = plan.match_key
                    WHERE plan.task_number = :number AND plan.outcome = 'created')
        """  # noqa: S608
    )


def _changed(kind: Kind, fields: Collection[Field], *, pinned: bool) -> str:
    if not kind.fields:
        return ""
    returning = _returning(kind) or ("RETURNING 1" if pinned else "")
    return f"changed AS ({_update(kind, fields, pinned=pinned)} {returning}),"


def _returning(kind: Kind) -> str:
    return "RETURNING t.*" if kind.consequences else ""


def _consequences(kind: Kind) -> str:
    if not kind.consequences:
        return ""
    each = "".join(f"{name} AS ({sql})," for name, sql in kind.consequences.items())
    return f"""
        asked AS (
            SELECT created_by AS actor_id, coalesce(correlation_id, '') AS request_id, parameters
              FROM tasks WHERE number = :number
        ),
        {each}"""  # noqa: S608


def _allotted_otherwise(kind: Kind) -> str:
    """Return SQL for whether a new row would get something else than the plan said."""
    return "".join(
        f" OR plan.outcome = 'created' AND found.new_{name}::text"
        f" IS DISTINCT FROM plan.changes->{quoted(name)}->>'to'"
        for name in kind.allotted
    )


def _update(kind: Kind, fields: Collection[Field], *, pinned: bool) -> str:
    assigned = "".join(
        f"{field.name} = {_or_null(field, f'coalesce(o.value_{field.name}, t.{field.name})')}, "
        for field in fields
        if not field.kept
    )
    unless_changed = (
        "AND t.version = o.target_version AND (SELECT stale FROM verdict) = 0" if pinned else ""
    )
    return f"""
        UPDATE {kind.table} t SET {assigned}version = t.version + 1, updated_at = now()
          FROM outcomes o
         WHERE o.outcome = 'updated' AND t.id = o.target_id {unless_changed}"""  # noqa: S608


def _insert(kind: Kind, present: Collection[str], gate: str = "") -> str:
    """Return SQL that adds the new rows.

    Without ON CONFLICT, which costs a fifth of the time: where somebody else adds one of the rows
    between our look and our write, the unique key breaks, and all is done again.
    """
    written = written_fields(kind, present)
    fields = [field for field in kind.fields if not field.kept]
    columns = ", ".join([*only_new(kind), *(field.name for field in fields)])
    values = ", ".join(
        [
            *(f"new_{name}" for name in only_new(kind)),
            *(
                _or_null(field, f"coalesce(value_{field.name}, {field.default})")
                if field in written
                else _or_null(field, field.default)
                for field in fields
            ),
        ]
    )
    return f"""
        INSERT INTO {kind.table} AS t ({columns})
        SELECT {values} FROM outcomes WHERE outcome = 'created' {gate}
        {"ORDER BY line" if kind.allotted else ""}"""  # noqa: S608


def _or_null(field: Field, value: str) -> str:
    return f"nullif({value}, {field.nothing})" if field.nothing else value


def _tell(condition: str) -> str:
    return f"""
        INSERT INTO task_rows (task_number, line, key, match_key, outcome, target_id,
                               target_version, changes, errors)
        SELECT CAST(:number AS bigint), line, key,
               CASE WHEN outcome = 'created' THEN match_key END,
               outcome, target_id, target_version, changes, errors
          FROM outcomes WHERE {condition}"""  # noqa: S608
