"""What can be wrong with a mail, for the function that sends it; nobody asks for one over HTTP."""

from __future__ import annotations

from typing import Literal

from chalicelib.core.batches import NotYet

SkipReason = Literal[
    "no_account", "inactive", "suppressed", "mail_off", "withdrawn", "no_longer_due"
]


class MailSkipped(Exception):
    """The mail is not to be sent, for a reason that its row keeps."""

    def __init__(self, reason: SkipReason) -> None:
        self.reason: SkipReason = reason
        super().__init__(reason)


class MailClaimed(NotYet):
    """Another worker is sending this mail, or died less than a claim ago."""


class MailWaits(NotYet):
    """SES takes no mail at this moment; the claim is given back."""


class UnknownMail(Exception):
    """A message names a mail that does not exist."""


class UnknownMailKind(Exception):
    """Nobody here knows what a mail of this kind says."""
