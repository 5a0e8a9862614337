"""What can go wrong outside, in the words of the caller instead of a service's error codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from chalicelib.core.errors import Unavailable


class ObjectMissing(Exception):
    """There is no object under this key."""


class ObjectChanged(Exception):
    """The object under this key is not the one that was named by its ETag."""


class SecretMissing(Exception):
    """There is no such secret, or it holds no text."""


class MailRefused(Exception):
    """The mail service will not send this mail, however often it is asked."""


class MailThrottled(Exception):
    """The mail service takes mails, but not that many at once."""


FailureCode = Literal[
    "unresolvable",
    "address_refused",
    "unreachable",
    "timed_out",
    "tls_failed",
    "busy",
    "broken_off",
    "redirected",
    "login_refused",
    "refused",
    "secret_unreadable",
]
_FINAL: frozenset[FailureCode] = frozenset(
    {"address_refused", "redirected", "login_refused", "refused", "secret_unreadable"}
)


class OutboundFailure(Exception):
    """A host outside did not take what was for it; it may take it later unless that is final."""

    def __init__(self, code: FailureCode) -> None:
        self.code: FailureCode = code
        self.is_final = code in _FINAL
        super().__init__(code)


class StorageAway(Unavailable):
    code = "storage_away"
    detail = "The file storage is away for a moment; try again."


class QueueAway(Unavailable):
    code = "queue_away"
    detail = "The queue is away for a moment; try again."


class MailAway(Unavailable):
    code = "mail_away"
    detail = "The mail service is away for a moment; try again."


class SecretsAway(Unavailable):
    code = "secrets_away"
    detail = "The secrets are away for a moment; try again."


THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException"})
_BUSY = frozenset({"RequestTimeout", "SlowDown", "ServiceUnavailable", *THROTTLED})


@contextmanager
def away_as(error: type[Unavailable]) -> Iterator[None]:
    """Raise `error` where a service cannot be reached or is too busy; let its refusals pass."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as refusal:
        status = refusal.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or status == 429 or refusal.response["Error"]["Code"] in _BUSY:
            raise error from refusal
        raise
    except BotoCoreError as failure:
        raise error from failure


def refusal_code(refusal: BaseException | None) -> str:
    """Return the service's code of a botocore ClientError, or an empty string."""
    response = getattr(refusal, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
