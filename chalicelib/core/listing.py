"""Lists as one statement a page: Postgres finds the rows, builds the JSON of the whole page as one
string, and says where the page ended. What is listed, an area says in a `Listing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, Boolean, Connection, Text, TextualSelect, column, text

from chalicelib.core.pagination import (
    LARGEST_ID,
    MOST_CHARACTERS,
    InvalidCursor,
    Page,
    PageQuery,
    Position,
    decode_cursor,
    encode_cursor,
)

KeyType = Literal["text", "numeric", "date", "timestamptz"]

# Told beforehand, the columns of a statement need not be found out at each call.
_PAGE_COLUMNS = (
    column("items", Text),
    column("more", Boolean),
    column("last_key", Text),
    column("last_id", BigInteger),
)
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?\+00")


class Sort(NamedTuple):
    """What sorts: a column, what is done to it (SQL with a place for it), and its key's type."""

    column: str
    expression: str
    key_type: KeyType
    unique: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """A list of the rows of one table.

    Args:
        table: where the rows are.
        source: what stands after FROM where that is more than the table: a SELECT of the name of
            the table, which brings in what fields, sorts and conditions need of others.
        fields: SQL of the fields of an item, over the table's row.
        sorts: by what it can be sorted, by name. Without one, `id` and `-id` are what sorts.
        conditions: the filters, by name: SQL over the table, in which the filter's value is a bind
            of its name. Also the conditions of an export.
        id: a unique column of whole numbers; it decides where a sort is a tie.
    """

    table: str
    fields: str
    source: str = ""
    sorts: Mapping[str, Sort] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    id: str = "id"

    def page(self, connection: Connection, query: PageQuery, *, sort: str, **filters: Any) -> Page:
        """Return a page; a filter that is None or empty does not count.

        Raises:
            InvalidCursor: the cursor is not one of this list and sort.
        """
        parameters = {name: value for name, value in filters.items() if value not in (None, "")}
        resumes = query.cursor is not None
        statement = page_statement(self, sort, frozenset(parameters), resumes)
        by = self.sorts.get(sort.removeprefix("-"))
        if query.cursor is not None:
            position = _checked(decode_cursor(query.cursor, sort), by)
            if by is not None:
                parameters["key"] = position.key
            if by is None or not by.unique:
                parameters["id"] = position.id
        parameters["limit"] = query.limit
        items, more, key, last_id = connection.execute(statement, parameters).one()
        while len(items) > MOST_CHARACTERS and parameters["limit"] > 1:
            parameters["limit"] = max(1, parameters["limit"] * MOST_CHARACTERS // len(items))
            items, more, key, last_id = connection.execute(statement, parameters).one()
        return Page(items, encode_cursor(Position(sort, key, last_id)) if more else None)

    def where(self, filters: Collection[str], *always: str) -> str:
        """Return the WHERE of these filters, or an empty string; `always` holds besides."""
        conditions = [sql for name, sql in self.conditions.items() if name in filters]
        conditions += always
        return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def id_before(query: PageQuery, sort: str) -> int:
    """Return the id that all of a page by falling id are below.

    Raises:
        InvalidCursor: the cursor is not one of this sort.
    """
    if query.cursor is None:
        return LARGEST_ID
    return _checked(decode_cursor(query.cursor, sort), None).id


def contains(*columns: str) -> str:
    """Return the condition that one of the columns contains the bind `q`, in any case."""
    # strpos knows no wildcards, so that none needs an escape
    found = (f"strpos(lower({column}), lower(:q)) > 0" for column in columns)
    return f"({' OR '.join(found)})"


@cache
def page_statement(
    listing: Listing, sort: str, filters: frozenset[str], resumes: bool
) -> TextualSelect:
    """Return the statement of a page: one row with the items as one string, whether there are
    more, and the key and id of the last item."""
    table, unique = listing.table, listing.id
    by = listing.sorts.get(sort.removeprefix("-"))
    direction, beyond = ("DESC", "<") if sort.startswith("-") else ("ASC", ">")
    key, order, here = unique, f"{unique} {direction}", "CAST(:id AS bigint)"
    keys, last_key = "", "''"
    if by is not None:
        sorted_by = by.expression.format(by.column)
        keys = f"array_agg({table}.{by.column}) AS keys,"
        last_key = f"CAST({by.expression.format('keys[:limit]')} AS text)"
        if by.unique:
            key, order, here = sorted_by, f"{sorted_by} {direction}", f"CAST(:key AS {by.key_type})"
        else:
            key, order = f"({sorted_by}, {unique})", f"{sorted_by} {direction}, {order}"
            here = f"(CAST(:key AS {by.key_type}), {here})"
    here_on = [f"{key} {beyond} {here}"] if resumes else []
    if resumes and by is not None and not by.unique:
        # says nothing new, but is where an index over the key alone can begin
        here_on.append(f"{sorted_by} {beyond}= CAST(:key AS {by.key_type})")
    where = listing.where(filters, *here_on)
    source = listing.source or table
    return text(
        f"""
        SELECT '[' || coalesce(array_to_string(items[1 : :limit], ','), '') || ']' AS items,
               cardinality(items) > :limit AS more,
               {last_key} AS last_key,
               ids[:limit] AS last_id
          FROM (SELECT array_agg(row_to_json(shown)::text) AS items,
                       {keys}
                       array_agg(CAST({table}.{unique} AS bigint)) AS ids
                  FROM (SELECT * FROM {source} {where} ORDER BY {order} LIMIT :limit + 1) {table}
                 CROSS JOIN LATERAL (SELECT {listing.fields}) shown) page
        """  # noqa: S608
    ).columns(*_PAGE_COLUMNS)


def _checked(position: Position, by: Sort | None) -> Position:
    """Refuse a key that Postgres would not have written for what sorts."""
    if by is None:
        if position.key:
            raise InvalidCursor
    elif by.key_type == "numeric" and not _NUMBER.fullmatch(position.key):
        raise InvalidCursor
    elif by.key_type == "date":
        _check_moment(position.key, date.fromisoformat, _DATE)
    elif by.key_type == "timestamptz":
        _check_moment(position.key, datetime.fromisoformat, _TIME)
    return position


def _check_moment(key: str, parse: Callable[[str], date], shape: re.Pattern[str]) -> None:
    try:
        parse(key)
    except ValueError as malformed:
        raise InvalidCursor from malformed
    # Python reads more than Postgres does, such as week dates
    if not shape.fullmatch(key):
        raise InvalidCursor
