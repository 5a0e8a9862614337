"""A property: whatever goes in and out, one flight gives what stock pg8000 gives when direct."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pg8000
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib.core.flight import FlightConnection

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
spiky = st.sampled_from(
    ["", "'", "%s", "%%", "$1", "100%", "a\\b", '"', "\n", "NULL", "学生", "🎓"]
)
naive = st.datetimes()
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))
modern = st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1))
aware = st.builds(dt.datetime.combine, modern, st.times(), offsets)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
numerics = st.decimals(allow_nan=True, allow_infinity=True, places=6, min_value=None) | st.decimals(
    -(10**20), 10**20, places=9
)
smallints, bigints = st.integers(-(2**15), 2**15 - 1), st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_subnormal=True)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "smallint": smallints,
    "int": st.integers(-(2**31), 2**31 - 1),
    "bigint": bigints,
    "numeric": numerics | bigints,
    "float8": floats,
    "real": st.floats(width=32),
    "text": texts | spiky,
    "varchar": texts | spiky,
    "bytea": st.binary(max_size=60) | st.binary(max_size=60).map(bytearray),
    "bool": st.booleans(),
    "date": st.dates(),
    "time": st.times(),
    "timestamp": naive,
    "timestamptz": aware,
    "interval": st.timedeltas(dt.timedelta(days=-99999), dt.timedelta(days=99999)),
    "uuid": st.uuids(),
    "json": st.dictionaries(texts, json_values, max_size=4),
    "jsonb": st.dictionaries(texts, json_values, max_size=4),
    "int[]": st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), max_size=6),
    "bigint[]": st.lists(bigints, max_size=6),
    "text[]": st.lists(st.none() | texts | spiky, max_size=6),
    "bool[]": st.lists(st.booleans(), max_size=4),
    "numeric[]": st.lists(st.decimals(-(10**9), 10**9, places=3), max_size=4),
    "uuid[]": st.lists(st.uuids(), max_size=3),
    "date[]": st.lists(st.dates(), max_size=3),
    "int[][]": st.integers(0, 3).map(lambda n: [[n, None], [1, 2]]),
    "inet": st.ip_addresses(),
    "oid": st.integers(0, 2**32 - 1),
    "point": st.just("(1.5,-2)"),
    "int4range": st.just("[1,9)"),
}
columns = st.lists(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda kind: st.tuples(st.just(kind), st.none() | VALUES[kind])
    ),
    min_size=1,
    max_size=8,
)


def seen_through(connection: pg8000.Connection, sql: str, args: list[Any]) -> str:
    cursor = connection.cursor()
    try:
        cursor.execute(sql, args)
        return repr((cursor.fetchall(), cursor.description, cursor.rowcount))
    except pg8000.Error as error:
        fields = error.args[0]
        return repr((type(error), fields["C"], fields["M"]))
    except (ValueError, OverflowError) as error:
        # Stock pg8000 leaves such a connection out of step; ours has to be as good as new.
        return repr((type(error), str(error)))
    finally:
        connection.rollback()


@pytest.mark.parametrize("autocommit", [False, True])
@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(columns=columns, rows=st.sampled_from([1, 1, 1, 0, 3]))
@example(columns=[(kind, None) for kind in VALUES], rows=1)
@example(columns=[("float8", float("nan")), ("float8", float("-inf")), ("float8", -0.0)], rows=2)
@example(columns=[("text", "null"), ("text[]", ["null", "Null", "NULL", ""])], rows=1)
@example(columns=[("uuid", uuid.UUID(int=0)), ("timestamptz", "infinity")], rows=1)
@example(columns=[("date", "0044-03-15 BC"), ("interval", "1 year 2 mons -3 days")], rows=1)
def test_one_flight_returns_what_stock_pg8000_returns(
    flight: FlightConnection,
    stock: pg8000.Connection,
    autocommit: bool,
    columns: list[tuple[str, Any]],
    rows: int,
) -> None:
    flight.autocommit = stock.autocommit = autocommit
    wanted = ", ".join(f"%s::{kind} AS c{n}" for n, (kind, _value) in enumerate(columns))
    sql = f"SELECT {wanted} FROM generate_series(1, {rows})"
    args = [value for _kind, value in columns]
    assert seen_through(flight, sql, args) == seen_through(stock, sql, args)
