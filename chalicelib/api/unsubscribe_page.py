"""The page behind the link of a mail: a button that ends such mails, with no script and no other
server. Opening it changes nothing, since mail programs open links by themselves.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from chalicelib.mail.letters import Locale

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:0 auto;padding:2rem 1rem}
h1{font-size:1.4rem;line-height:1.2}
button{font:inherit;font-weight:600;padding:.75rem 1.25rem;border:0;border-radius:6px}
button{background:#1c4f9c;color:#fff;cursor:pointer}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    # The path is a secret.
    "Referrer-Policy": "no-referrer",
}


class _Words(NamedTuple):
    title: str
    question: str
    button: str
    done: str


_WORDS: Mapping[Locale, _Words] = {
    "en": _Words(
        "Unsubscribe",
        "No more mails about announcements, and no reports? Mails that your account needs, such as"
        " a link for a new password, come all the same.",
        "Unsubscribe",
        "You get no more mails about announcements, and no reports. In Rollcall you can turn them"
        " on again at any time: in your account, under mails.",
    ),
    "zh-CN": _Words(
        "退订邮件",
        "不再接收公告和报告邮件？账号所需的邮件（例如设置新密码的链接）仍会发送。",
        "退订",
        "您将不再收到公告和报告邮件。您可随时登录 Rollcall，在账号的邮件设置中重新开启。",
    ),
}


def render(locale: Locale, *, is_off: bool) -> str:
    """Return the page in a language: the question, or that it is done."""
    words = _WORDS[locale]
    # Without an action the form goes to where the page is from, whatever stands before its path.
    form = f'<form method="post"><button>{escape(words.button)}</button></form>'
    body = f"<p>{escape(words.done if is_off else words.question)}</p>{'' if is_off else form}"
    return (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(words.title)} · Rollcall</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(words.title)}</h1>{body}</main></body></html>"
    )
