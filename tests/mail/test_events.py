"""Whatever a message holds, it is read as an event that can be recorded, as nothing, or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.batches import MalformedMessage
from chalicelib.mail.events import MailEvent, parse_event

# The words of SES among whatever else: a random text never gets past the first look.
WORDS = st.sampled_from(
    [
        *("Bounce", "Complaint", "Delivery", "Send", "Permanent", "Transient", "not-spam", "7"),
        *("a@b.example", "A <a@b.example>", "@", "", "\0", "Notification", "{}", "[1]", "x"),
    ]
)
NAMES = st.sampled_from(
    [
        *("Type", "Message", "eventType", "notificationType", "mail", "messageId", "tags"),
        *("mail_id", "bounce", "bounceType", "bouncedRecipients", "complaint", "emailAddress"),
        *("complainedRecipients", "complaintFeedbackType"),
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)
recipients = st.lists(st.fixed_dictionaries({"emailAddress": WORDS | st.text()}), max_size=3)
events = st.fixed_dictionaries(
    {"eventType": st.sampled_from(["Bounce", "Complaint", "Delivery"])},
    optional={
        "mail": st.fixed_dictionaries({"messageId": WORDS}, optional={"tags": values}) | values,
        "bounce": st.fixed_dictionaries(
            {"bounceType": WORDS}, optional={"bouncedRecipients": recipients}
        ),
        "complaint": st.fixed_dictionaries({}, optional={"complainedRecipients": recipients}),
    },
)


@given(st.dictionaries(NAMES, values, max_size=6) | events)
@pytest.mark.parametrize("in_envelope", [False, True])
def test_an_event_is_whole_or_refused(in_envelope: bool, body: dict[str, Any]) -> None:
    given_body = {"Type": "Notification", "Message": json.dumps(body)} if in_envelope else body
    try:
        event = parse_event(given_body)
    except MalformedMessage:
        return
    if event is None:
        return
    assert isinstance(event, MailEvent)
    assert 1 <= len(event.message_id) <= 200
    assert event.mail_id is None or 0 <= event.mail_id < 2**63
    assert bool(event.refusing) == (event.fate in ("bounced", "complained"))
    for text in (event.message_id, *event.refusing):
        assert "\0" not in text
    assert all("@" in address for address in event.refusing)
