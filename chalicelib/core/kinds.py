"""How an area tells the bulk engine what its rows are: columns, key, rules and fields, as SQL.

The engine puts the fragments together and knows no kind; an area's csv.py fills a `Kind` in. In a
fragment `r` is the row of the file (a column that the file lacks is NULL there, an empty cell is
''), `r.key` its key as `match_key` makes it, and `t` the row of the target, NULL where there is
none yet; `joins` may add more.

What a row must be is told by rules, each row by itself; what it must not be beside the other rows
of the file, by rules of the set, whose fragments are over the good rows: `line`, `match_key`,
`target_id` and what `compared` carries along, with window functions in which `good` divides the
rows (`PARTITION BY good, …`). They err on the safe side: a row that one of them refuses still
counts for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

STAGED_COLUMNS = tuple(f"c{number}" for number in range(1, 9))


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A condition that a row must not meet; `broken` is SQL, true where it does.

    `told` is SQL for a message that says more than `message`, which stands for all of them.
    """

    field: str
    code: str
    message: str
    broken: str
    told: str | None = None
    severity: Literal["error", "warning"] = "error"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column of the target that an import writes.

    `value` is SQL for what the file says: NULL leaves a target alone and gives a new one `default`.
    `shown` and `shown_before` are what a plan shows of it, where that is not the value itself.
    `nothing` is a value that stands for NULL in the target. `kept` is SQL over `t` and the joins
    for what there was before, where that is elsewhere than in a column: a consequence writes it.
    """

    name: str
    column: str
    value: str
    default: str
    shown: str | None = None
    shown_before: str | None = None
    nothing: str | None = None
    kept: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Export:
    """Rows of one kind, out.

    Args:
        roles: who may export it, and import it where that is possible.
        columns: of the file, in order.
        filters: what an export can be narrowed by.
        export: SQL of the rows to export, given the names of the filters that are set: `columns`
            as text, sorted; a filter's value is a bind of its name.
        doors: the filters that must be set, each with what takes the connection, the caller and
            the filter's value, and raises NotFound where that names nothing of the caller's.
    """

    name: str
    roles: Collection[str]
    columns: tuple[str, ...]
    filters: tuple[str, ...]
    export: Callable[[Collection[str]], str]
    doors: Mapping[str, Callable[..., object]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Kind(Export):
    """Rows of one kind, in and out; `columns` are all that an import knows.

    Args:
        table: the target; has `id`, and where there are fields, `version` and `updated_at`.
        key: the columns that find a row; a file must have them, and their cells are trimmed.
        match_key: SQL over `r` for the key as it is compared, NULL where a part is missing.
        joins: SQL that joins the target as `t`, LEFT JOIN, at most one row for each row.
        target_keys: a SELECT of `id, key` of the targets, `key` as `match_key` makes it.
        parsed: SQL over `r` that is worked out once for each row, then known as `r.<name>`.
        columns_of_new: columns of the target that only a new row gets, with SQL over `r`.
        fields: what an import changes; without any, rows are only ever added.
        options: what an import may be asked for besides; a member of the task's parameters.
        compared: SQL like that of rules, which the rules of the set then know by its name.
        rules_of_set: rules over the good rows of a file, see above.
        consequences: statements that write what follows from the rows, by name, in the same
            breath: SQL over `added` and `changed`, the rows of the target as they were written
            (the target itself still shows them as they were before), over `asked`, which has
            `actor_id`, `request_id` and `parameters` of the task, over `outcomes`, the rows of the
            file with `outcome`, `target_id`, `value_<field>` and `new_<column>`, and over what an
            earlier one of them returns.
        contended: constraints, besides unique keys, that somebody else may break between our look
            and our write; then all is done again.
        locks: SELECTs that lock rows, over `r` with the columns of the key; they are run before
            anything is written, so that what is judged then stays as it is.
        noticed: a SELECT of `line` and `found`, a JSON array of warnings, over `beside`: the rows
            with `good`, `key`, `line`, `target_id` and what `compared` carries along.
        allotted: columns of the target that a new row gets with regard to the other rows, by name:
            SQL like that of rules of the set. Rows are then added in the order of the file.
        counts: what a result tells besides, by name: aggregates over `outcomes`.
    """

    table: str
    key: tuple[str, ...]
    match_key: str
    joins: str
    target_keys: str
    parsed: Mapping[str, str]
    columns_of_new: Mapping[str, str]
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...]
    options: tuple[str, ...] = ()
    compared: Mapping[str, str] = field(default_factory=dict)
    rules_of_set: tuple[Rule, ...] = ()
    consequences: Mapping[str, str] = field(default_factory=dict)
    contended: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    noticed: str = ""
    allotted: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, str] = field(default_factory=dict)
