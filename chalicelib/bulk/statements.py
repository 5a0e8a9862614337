"""The SQL of an import, put together from what a kind says of itself; engine and kinds meet here.

One statement judges all staged rows, writes those that are new or differ, and tells the outcome of
each: so the rules, the difference and the write see the same data. A judgement is a chain of
subqueries, and OFFSET 0 keeps the planner from working an expression out again at each link.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from functools import cache

from sqlalchemy import TextClause, text

from chalicelib.core.kinds import STAGED_COLUMNS, Field, Kind, Rule

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
    fields = _written(kind, present)
    return _text(
        f"""
        WITH {_outcomes(kind, present)},
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
    fields = _written(kind, present)
    return _text(
        f"""
        WITH {_outcomes(replace(kind, noticed=""), present, name="found")},
        outcomes AS MATERIALIZED (
            SELECT found.line, found.key, found.match_key, found.target_id, found.target_version,
                   coalesce(jsonb_array_length(jsonb_path_query_array(
                       plan.errors, '$[*] ? (@.severity == "warning")')), 0) AS warnings,
                   found.changes, {_value_list("found", kind, present)}
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
        WITH {_outcomes(kind, present, plans=True)},
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


def _outcomes(
    kind: Kind, present: frozenset[str], name: str = "outcomes", *, plans: bool = False
) -> str:
    """Return the CTEs that end in a row with an outcome for each staged row."""
    staged = ", ".join(
        f"{column if name in present else 'NULL::text'} AS {name}"
        for column, name in zip(STAGED_COLUMNS, kind.columns, strict=False)
    )
    parsed = "".join(f", {sql} AS {name}" for name, sql in kind.parsed.items())
    fields = _written(kind, present)
    values = "".join(
        f", {field.value} AS value_{field.name}, {_before(field)} AS old_{field.name}"
        for field in fields
    )
    of_new = "".join(f", {sql} AS new_{name}" for name, sql in kind.columns_of_new.items())
    shown = "".join(_shown(field) for field in fields) if plans else ""
    compared = "".join(f", {sql} AS {name}" for name, sql in kind.compared.items())
    version = "t.version" if kind.fields else "NULL::integer"
    ranked, failed, clashed = "ranked", "errors IS NOT NULL OR repeated", ""
    if _looks_beside(kind):
        ranked = "compared"
    if kind.rules_of_set:
        failed = f"{failed} OR clashes IS NOT NULL"
        clashed = "WHEN clashes IS NOT NULL THEN clashes || coalesce(warned, '[]')"
    differs = " OR ".join(
        f"(value_{field.name} IS NOT NULL AND value_{field.name} IS DISTINCT FROM old_{field.name})"
        for field in fields
    )
    warned = "coalesce(warned || found, warned, found)" if kind.noticed else "warned"
    changes = _changes(kind, present, failed) if plans else "NULL::jsonb"
    return f"""
        staged AS (
            SELECT line, problem, problem_detail, {staged}
              FROM import_rows WHERE task_number = :number OFFSET 0
        ),
        keyed AS (SELECT r.*, {kind.match_key} AS key{parsed} FROM staged r OFFSET 0),
        judged AS (
            SELECT r.line, r.key AS match_key, {_shown_key(kind)} AS key,
                   t.id AS target_id, {version} AS target_version{values}{of_new}{shown}{compared},
                   {_found(kind, "error")} AS errors,
                   {_found(kind, "warning")} AS warned
              FROM keyed r {kind.joins} OFFSET 0
        ),
        ranked AS (
            SELECT judged.*,
                   row_number() OVER (
                       PARTITION BY match_key, errors IS NULL ORDER BY line
                   ) > 1 AND errors IS NULL AS repeated
              FROM judged
        ),
        {_clashes(kind)}
        {name} AS MATERIALIZED (
            SELECT line, key, match_key, target_id, target_version,
                   {_value_list(ranked, kind, present)}
                   coalesce(jsonb_array_length({warned}), 0) AS warnings,
                   CASE WHEN repeated THEN {_finding(_REPEATED)}
                        {clashed}
                        WHEN errors IS NULL THEN {warned}
                        WHEN warned IS NULL THEN errors
                        ELSE errors || warned END AS errors,
                   CASE WHEN {failed} THEN 'failed'
                        WHEN target_id IS NULL THEN 'created'
                        WHEN {differs or "false"} THEN 'updated'
                        ELSE 'unchanged' END AS outcome,
                   {changes} AS changes
              FROM {ranked}
        )"""  # noqa: S608


_REPEATED = Rule(
    field="",
    code="duplicate_in_file",
    message="An earlier row of the file has the same key.",
    broken="true",
)


def _clashes(kind: Kind) -> str:
    """Return the CTEs that find what is wrong with good rows beside the other rows of the file, or
    worth a look.
    """
    if not _looks_beside(kind):
        return ""
    found = "".join(f", {sql} AS new_{name}" for name, sql in kind.allotted.items())
    if kind.rules_of_set:
        findings = ", ".join(
            f"CASE WHEN {rule.broken} THEN {_finding(rule)}->0 END" for rule in kind.rules_of_set
        )
        found += f""", CASE WHEN good THEN nullif(jsonb_path_query_array(
            jsonb_build_array({findings}), '$[*] ? (@ != null)'), '[]') END AS clashes"""
    noticed = joined = ""
    if kind.noticed:
        noticed = f"noticed AS MATERIALIZED ({kind.noticed}),"
        joined = "LEFT JOIN noticed USING (line)"
    return f"""
        beside AS (
            SELECT ranked.*, errors IS NULL AND NOT repeated AS good FROM ranked
        ),
        {noticed}
        compared AS (SELECT * {found} FROM beside {joined}),"""  # noqa: S608


def _looks_beside(kind: Kind) -> bool:
    return bool(kind.rules_of_set or kind.noticed or kind.allotted)


def _only_new(kind: Kind) -> list[str]:
    return [*kind.columns_of_new, *kind.allotted]


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


def _written(kind: Kind, present: Collection[str]) -> list[Field]:
    return [field for field in kind.fields if field.column in present or field.kept]


def _before(field: Field) -> str:
    """Return SQL for what a field was, as its `value` is to be compared with it."""
    column = field.kept or f"t.{field.name}"
    return f"coalesce({column}, {field.nothing})" if field.nothing else column


def _value_list(source: str, kind: Kind, present: Collection[str]) -> str:
    names = [f"value_{field.name}" for field in _written(kind, present)]
    names += [f"new_{name}" for name in _only_new(kind)]
    return "".join(f"{source}.{name}, " for name in names)


def _shown_key(kind: Kind) -> str:
    return f"left(concat_ws(' ', {', '.join(f'r.{name}' for name in kind.key)}), 200)"


def _found(kind: Kind, severity: str) -> str:
    """Return SQL for what is wrong with a row as a JSON array, NULL where nothing is."""
    rules = [rule for rule in kind.rules if rule.severity == severity]
    unreadable = """WHEN r.problem IS NOT NULL THEN jsonb_build_array(jsonb_build_object(
        'field', null, 'code', r.problem, 'message', r.problem_detail, 'severity', 'error'))"""
    if severity == "warning":
        unreadable = "WHEN r.problem IS NOT NULL THEN NULL::jsonb"
    if not rules:
        return f"CASE {unreadable} END"
    any_broken = " OR ".join(f"({rule.broken})" for rule in rules)
    findings = ", ".join(f"CASE WHEN {rule.broken} THEN {_finding(rule)}->0 END" for rule in rules)
    return f"""CASE {unreadable} WHEN {any_broken} THEN
        jsonb_path_query_array(jsonb_build_array({findings}), '$[*] ? (@ != null)') END"""


def _finding(rule: Rule) -> str:
    field = _quoted(rule.field) if rule.field else "null"
    return (
        f"jsonb_build_array(jsonb_build_object('field', {field}, 'code', {_quoted(rule.code)},"
        f" 'message', {rule.told or _quoted(rule.message)},"
        f" 'severity', {_quoted(rule.severity)}))"
    )


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _shown(field: Field) -> str:
    return (
        f", to_jsonb({field.shown or field.value}) AS to_{field.name}"
        f", to_jsonb({field.shown_before or _before(field)}) AS from_{field.name}"
    )


def _changes(kind: Kind, present: Collection[str], failed: str) -> str:
    """Return SQL for the fields that a row changes, or gives to a new target: from and to."""
    allotted = [
        f"""CASE WHEN target_id IS NULL THEN jsonb_build_object({_quoted(name)},
                 jsonb_build_object('from', NULL, 'to', new_{name})) ELSE '{{}}' END"""
        for name in kind.allotted
    ]
    changed = [
        f"""CASE WHEN target_id IS NULL
                   OR value_{field.name} IS NOT NULL
                      AND value_{field.name} IS DISTINCT FROM old_{field.name}
                 THEN jsonb_build_object({_quoted(field.column)}, jsonb_build_object(
                     'from', from_{field.name},
                     'to', coalesce(to_{field.name}, to_jsonb({field.default}))))
                 ELSE '{{}}' END"""
        for field in kind.fields
        if field.column in present
    ]
    each = " || ".join(allotted + changed)
    return f"CASE WHEN {failed} THEN '{{}}'::jsonb ELSE {each or 'NULL'} END"


def _allotted_otherwise(kind: Kind) -> str:
    """Return SQL for whether a new row would get something else than the plan said."""
    return "".join(
        f" OR plan.outcome = 'created' AND found.new_{name}::text"
        f" IS DISTINCT FROM plan.changes->{_quoted(name)}->>'to'"
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
    written = _written(kind, present)
    fields = [field for field in kind.fields if not field.kept]
    columns = ", ".join([*_only_new(kind), *(field.name for field in fields)])
    values = ", ".join(
        [
            *(f"new_{name}" for name in _only_new(kind)),
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
