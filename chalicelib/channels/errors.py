"""What can be wrong with a channel, and with a post to one."""

from __future__ import annotations

from typing import Literal

from chalicelib.core.errors import Conflict
from chalicelib.integrations.errors import FailureCode

SkipReason = Literal["no_longer_due", "inactive"]
# What a row says of why it was not sent, or not yet.
PostCode = Literal[FailureCode, SkipReason]


class ChannelNameTaken(Conflict):
    code = "channel_name_taken"
    title = "Channel name taken"
    detail = "Another channel has this name; upper and lower case do not make a difference."


class SecretNeeded(Conflict):
    code = "secret_needed"
    title = "Secret needed"
    detail = "A secret holds for the place that it was given for: give it again to change that."


class PostSkipped(Exception):
    """A post is not to be sent, for a reason that its row keeps."""

    def __init__(self, reason: SkipReason) -> None:
        self.reason: SkipReason = reason
        super().__init__(reason)


class SecretUnreadable(Exception):
    """A sealed secret opens with none of our keys, or not for where it is to go."""


class UnknownPostKind(Exception):
    """Nobody here knows what a post of this kind says."""


BY_CONSTRAINT = {"channels_name_key": ChannelNameTaken}
