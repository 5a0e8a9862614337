"""The page at /docs: the OpenAPI description as plain HTML, with no script and no other server.

Everything is in the page; it folds with <details>, and works under the strictest policy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from typing import Any

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem}
h1,h2{line-height:1.2}h2{border-bottom:1px solid var(--line);margin-top:2.5rem}
code,pre{font:.9em ui-monospace,monospace}pre{white-space:pre-wrap}
nav a{margin-right:.8rem}details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0}
summary{padding:.5rem .8rem;cursor:pointer}details>div{padding:0 .8rem .5rem;overflow-x:auto}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top}
th,td{padding:.3rem .6rem .3rem 0;border-top:1px solid var(--soft)}
.method{display:inline-block;min-width:4.5rem;font-weight:700}.who{float:right;opacity:.75}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def render(description: dict[str, Any], url: str) -> str:
    """Return the page of an OpenAPI description as made by openapi.py, which is served at `url`."""
    return "".join(_page(description, url))


def _page(description: dict[str, Any], url: str) -> Iterator[str]:
    info = description["info"]
    operations = [
        (path, method, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    tags = [tag["name"] for tag in description["tags"]]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body><main>"
    yield f"<h1>{escape(info['title'])} API</h1>"
    for paragraph in info["description"].split("\n\n"):
        yield f"<p>{_prose(paragraph)}</p>"
    yield f'<p>For programs: <a href="{escape(url)}">openapi.json</a></p>'
    yield '<nav aria-label="Contents">'
    for name in (*tags, "models", "errors"):
        yield f'<a href="#{escape(name)}">{escape(name)}</a>'
    yield "</nav>"
    for tag in tags:
        yield f'<h2 id="{escape(tag)}">{escape(tag)}</h2>'
        for path, method, operation in operations:
            if tag in operation["tags"]:
                yield from _operation(path, method, operation)
    yield '<h2 id="models">Models</h2>'
    for name, schema in description["components"]["schemas"].items():
        yield f'<details id="model-{escape(name)}"><summary><code>{escape(name)}</code> '
        yield f"{_prose(schema.get('description', ''))}</summary><div>{_fields(schema)}</div>"
        yield "</details>"
    yield '<h2 id="errors">Error codes</h2><table><tr><th>code</th><th>status</th>'
    yield "<th>meaning</th></tr>"
    for code, (status, meaning) in sorted(_errors(operations).items()):
        yield f'<tr id="error-{escape(code)}"><td><code>{escape(code)}</code></td>'
        yield f"<td>{status}</td><td>{_prose(meaning)}</td></tr>"
    yield "</table></main></body></html>"


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    who = ", ".join(operation.get("x-roles", ["anyone"]))
    yield f'<details id="{escape(operation["operationId"])}"><summary>'
    yield f'<span class="who">{escape(who)}</span><span class="method">{method.upper()}</span>'
    yield f"<code>{escape(path)}</code> {escape(operation['summary'])}</summary><div>"
    if text := operation.get("description"):
        yield f"<p>{_prose(text)}</p>"
    if parameters := operation.get("parameters"):
        yield "<h3>Parameters</h3><table>"
        for parameter in parameters:
            yield f"<tr><td><code>{escape(parameter['name'])}</code> <small>{parameter['in']}"
            yield f"</small></td><td>{_type(parameter['schema'])}</td>"
            yield f"<td>{_prose(parameter.get('description', ''))}</td></tr>"
        yield "</table>"
    if body := operation.get("requestBody"):
        yield f"<h3>Body</h3><p>{_content(body['content'])}</p>"
    yield "<h3>Answers</h3><table>"
    for status, response in operation["responses"].items():
        yield f"<tr><td>{status}</td><td>{_content(response.get('content', {}))}</td>"
        text = "<br>".join(_prose(line) for line in response["description"].splitlines())
        yield f"<td>{text}</td></tr>"
    yield "</table></div></details>"


def _content(content: dict[str, Any]) -> str:
    return ", ".join(
        f"{_type(given['schema'])} <small>{escape(media_type)}</small>"
        if "schema" in given
        else f"<small>{escape(media_type)}</small>"
        for media_type, given in content.items()
    )


def _fields(schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        return _type(schema)
    required = schema.get("required", [])
    optional = " <small>optional</small>"
    rows = (
        f"<tr><td><code>{escape(name)}</code>{'' if name in required else optional}</td>"
        f"<td>{_type(field)}</td><td>{_prose(field.get('description', ''))}</td></tr>"
        for name, field in schema["properties"].items()
    )
    return f"<table>{''.join(rows)}</table>"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#model-{name}">{name}</a>'
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(_type(one) for one in schema[several])
    if "allOf" in schema:
        return _type(schema["allOf"][0])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(word))}</code>" for word in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = [
        f"{word} {schema[limit]}"
        for limit, word in (
            ("minLength", "from"),
            ("maxLength", "to"),
            ("minimum", "≥"),
            ("maximum", "≤"),
            ("default", "default"),
        )
        if limit in schema
    ]
    kind = escape(str(schema.get("format") or schema.get("type") or "anything"))
    return f"{kind} <small>{escape(', '.join(limits))}</small>" if limits else kind


def _errors(operations: list[tuple[str, str, dict[str, Any]]]) -> dict[str, tuple[str, str]]:
    errors: dict[str, tuple[str, str]] = {}
    for _, _, operation in operations:
        for status, response in operation["responses"].items():
            if "application/problem+json" not in response.get("content", {}):
                continue
            for line in response["description"].splitlines():
                if line.startswith("`"):
                    code, _, meaning = line.partition(": ")
                    errors[code.strip("`")] = (status, meaning)
    return errors


def _prose(text: str) -> str:
    """Escape a text and turn its `code` into code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if nth % 2 else part for nth, part in enumerate(parts))
