"""The SQL that judges the rows of an import: what is wrong with each, and what it would change.

A judgement is a chain of subqueries, and OFFSET 0 keeps the planner from working an expression out
again at each link.
"""

from __future__ import annotations

from collections.abc import Collection

from chalicelib.core.kinds import STAGED_COLUMNS, Field, Kind, Rule


def outcome_ctes(
    kind: Kind, present: frozenset[str], name: str = "outcomes", *, plans: bool = False
) -> str:
    """Return the CTEs that end in a row with an outcome for each staged row."""
    staged = ", ".join(
        f"{column if name in present else 'NULL::text'} AS {name}"
        for column, name in zip(STAGED_COLUMNS, kind.columns, strict=False)
    )
    parsed = "".join(f", {sql} AS {name}" for name, sql in kind.parsed.items())
    fields = written_fields(kind, present)
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
                   {value_list(ranked, kind, present)}
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


def only_new(kind: Kind) -> list[str]:
    """Return the columns that a row is given when it is added, and keeps."""
    return [*kind.columns_of_new, *kind.allotted]


def written_fields(kind: Kind, present: Collection[str]) -> list[Field]:
    """Return the fields that a file with these columns may change."""
    return [field for field in kind.fields if field.column in present or field.kept]


def _before(field: Field) -> str:
    """Return SQL for what a field was, as its `value` is to be compared with it."""
    column = field.kept or f"t.{field.name}"
    return f"coalesce({column}, {field.nothing})" if field.nothing else column


def value_list(source: str, kind: Kind, present: Collection[str]) -> str:
    """Return the columns of what a row would write, as the start of a list."""
    names = [f"value_{field.name}" for field in written_fields(kind, present)]
    names += [f"new_{name}" for name in only_new(kind)]
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
    field = quoted(rule.field) if rule.field else "null"
    return (
        f"jsonb_build_array(jsonb_build_object('field', {field}, 'code', {quoted(rule.code)},"
        f" 'message', {rule.told or quoted(rule.message)},"
        f" 'severity', {quoted(rule.severity)}))"
    )


def quoted(value: str) -> str:
    """Return a string literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def _shown(field: Field) -> str:
    return (
        f", to_jsonb({field.shown or field.value}) AS to_{field.name}"
        f", to_jsonb({field.shown_before or _before(field)}) AS from_{field.name}"
    )


def _changes(kind: Kind, present: Collection[str], failed: str) -> str:
    """Return SQL for the fields that a row changes, or gives to a new target: from and to."""
    allotted = [
        f"""CASE WHEN target_id IS NULL THEN jsonb_build_object({quoted(name)},
                 jsonb_build_object('from', NULL, 'to', new_{name})) ELSE '{{}}' END"""
        for name in kind.allotted
    ]
    changed = [
        f"""CASE WHEN target_id IS NULL
                   OR value_{field.name} IS NOT NULL
                      AND value_{field.name} IS DISTINCT FROM old_{field.name}
                 THEN jsonb_build_object({quoted(field.column)}, jsonb_build_object(
                     'from', from_{field.name},
                     'to', coalesce(to_{field.name}, to_jsonb({field.default}))))
                 ELSE '{{}}' END"""
        for field in kind.fields
        if field.column in present
    ]
    each = " || ".join(allotted + changed)
    return f"CASE WHEN {failed} THEN '{{}}'::jsonb ELSE {each or 'NULL'} END"
