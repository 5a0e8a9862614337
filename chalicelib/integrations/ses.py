"""One mail to one recipient. What it says, and whether it may be sent, is the mail area's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from typing import TYPE_CHECKING, Any

from chalicelib.integrations.aws import ses_client
from chalicelib.integrations.errors import (
    THROTTLED,
    MailAway,
    MailRefused,
    MailThrottled,
    away_as,
    refusal_code,
)

if TYPE_CHECKING:
    from mypy_boto3_ses.type_defs import SendRawEmailRequestTypeDef

_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_OURS = frozenset(
    {"from", "to", "cc", "bcc", "subject", "sender", "return-path", "date", "mime-version"}
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")

# What SES says of this one mail. Every other answer (no rights, sending is paused, no such
# configuration set) is about the installation: somebody can mend it, and then the mail goes out.
_REFUSALS = frozenset({"MessageRejected", "InvalidParameterValue", "ValidationError"})


class _AsGiven(UnstructuredHeader, BaseHeader):
    """A header of one word: the standard library would break a long one into encoded words, which
    a mail program does not read where RFC 2369 wants an URL.
    """

    def fold(self, *, policy: Policy[Any]) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _AsGiven)
_POLICY = SMTP.clone(header_factory=_HEADERS)


def composed(
    *, sender: str, to: str, subject: str, text: str, html: str | None, headers: Mapping[str, str]
) -> EmailMessage:
    """Return a mail to one bare address, whoever is to send it.

    Raises:
        MailRefused: a header or address is not acceptable.
    """
    message = EmailMessage(policy=_POLICY)
    try:
        message["To"] = Address(addr_spec=to)
    except Exception as error:
        # The parser of the standard library fails in several ways on what is not an address.
        raise MailRefused("The recipient is not one address.") from error
    if not to.isascii():
        raise MailRefused("The recipient's address is not ASCII.")
    message["From"] = sender
    message["Subject"] = _CONTROLS.sub(" ", subject)
    for name, value in headers.items():
        own = name.lower() in _OURS or name.lower().startswith("content-")
        if own or not _HEADER_NAME.fullmatch(name) or _CONTROLS.search(value):
            raise MailRefused(f"The header {name!r} cannot be set.")
        message[name] = value
    message.set_content(text, cte="base64")
    if html is not None:
        message.add_alternative(html, subtype="html", cte="base64")
    return message


def send(
    *,
    sender: str,
    to: str,
    subject: str,
    text: str,
    html: str | None = None,
    headers: Mapping[str, str] | None = None,
    configuration_set: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Send one mail and return the id that SES gave it.

    `to` is one bare address; `headers` are extra ones such as List-Unsubscribe; `tags` come back
    in the events of the configuration set.

    Raises:
        MailRefused: a header or address is not acceptable, or SES rejects the mail for good.
        MailThrottled: it was sent faster than SES grants.
        MailAway: SES does not answer, is too busy, or takes no mail from this installation.
    """
    from botocore.exceptions import ClientError

    message = composed(
        sender=sender, to=to, subject=subject, text=text, html=html, headers=headers or {}
    )
    request: SendRawEmailRequestTypeDef = {
        "Source": sender,
        "Destinations": [to],
        "RawMessage": {"Data": message.as_bytes()},
    }
    if configuration_set is not None:
        request["ConfigurationSetName"] = configuration_set
        request["Tags"] = [{"Name": n, "Value": v} for n, v in (tags or {}).items()]
    try:
        with away_as(MailAway):
            answer = ses_client().send_raw_email(**request)
    except ClientError as refusal:
        if refusal_code(refusal) in _REFUSALS:
            raise MailRefused("SES rejects the mail.") from refusal
        raise MailAway from refusal
    except MailAway as away:
        if refusal_code(away.__cause__) in THROTTLED:
            raise MailThrottled from away.__cause__
        raise
    return answer["MessageId"]
