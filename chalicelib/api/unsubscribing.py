"""Ending mails by the link that is in each of them, without signing in (RFC 8058)."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.accounts.unsubscribing import Holder, get_link_holder, unsubscribe
from chalicelib.api import unsubscribe_page
from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Request, endpoint

blueprint = Blueprint(__name__)


@endpoint(
    blueprint,
    "GET",
    "/unsubscribe/{token}",
    roles=None,
    answer="text/html",
    path_types={"token": str},
    personal=True,
)
def show_unsubscribe_page(request: Request) -> Answer:
    """Show a page with a button that ends mails; this changes nothing."""
    return _page(get_link_holder(request.connection, request.path["token"]))


@endpoint(
    blueprint,
    "POST",
    "/unsubscribe/{token}",
    roles=None,
    answer="text/html",
    path_types={"token": str},
)
def unsubscribe_by_link(request: Request) -> Answer:
    """Turn off the mails of whoever owns the link.

    For the button of the page, and for mail programs with a button of their own, which send
    `List-Unsubscribe=One-Click`. What is in the body does not matter, nor whether there is one.
    """
    return _page(unsubscribe(request.connection, request.stranger, request.path["token"]))


def _page(holder: Holder) -> Answer:
    return Answer(
        unsubscribe_page.render(holder.locale, is_off=holder.is_off),
        media_type="text/html; charset=utf-8",
        headers=dict(unsubscribe_page.HEADERS),
    )
