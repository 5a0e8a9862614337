"""Errors of the outbox: both are mistakes of the program, not of a caller."""

from __future__ import annotations


class UnknownQueue(Exception):
    """No queue has this name."""


class BodyTooLarge(Exception):
    """A message carries ids; this one is larger than a queue takes."""
