"""A broken constraint as the domain error that it means: one named constraint, one error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from chalicelib.core.dialect import constraint_of
from chalicelib.core.errors import RollcallError


@contextmanager
def refused_as(meanings: Mapping[str, type[RollcallError]]) -> Iterator[None]:
    """Raise the error that a constraint's name means; another database error passes through.

    The transaction is over either way: Postgres refuses whatever else it is asked.
    """
    try:
        yield
    except DBAPIError as refusal:
        meaning = meanings.get(constraint_of(refusal) or "")
        if meaning is None:
            raise
        raise meaning from refusal
