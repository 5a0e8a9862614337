"""Why a pool hands out no connection; what a connect function raises passes through as it is."""

from __future__ import annotations


class PoolStopped(Exception):
    """The pool was not started, or is stopped."""


class NoFreeConnection(Exception):
    """All connections of a key are in use, and none came back in time."""


class TooManyKeys(Exception):
    """As many keys as the pool may know have connections in use."""


class NotInUse(Exception):
    """This connection was returned or closed before: whoever does it twice takes another's."""
