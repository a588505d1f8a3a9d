"""/openapi.json and /docs: the reference, readable without a script from elsewhere."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from api.guard import GuardedRoute
from api.openapi import document
from api.permissions import EVERYBODY, RULES

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)

STYLE = """\
:root { color-scheme: light dark; font: 15px/1.5 system-ui, "Noto Sans SC", sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid #8886; padding: .75rem 0; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; text-transform: capitalize; }
h3 { font: 600 .95rem ui-monospace, monospace; margin: 0; overflow-wrap: anywhere; }
p { margin: .25rem 0; } .who { opacity: .75; }
table { border-collapse: collapse; font-size: .9rem; } td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
code { font-family: ui-monospace, monospace; }
"""


@router.get("/openapi.json")
def openapi(request: Request) -> JSONResponse:
    return JSONResponse(document(request.app))


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    schema = document(request.app)
    by_tag: dict[str, list[str]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation.get("tags", ["other"])[0], []).append(_operation(method.upper(), path, operation))
    body = "".join(f"<h2>{escape(tag)}</h2>{''.join(parts)}" for tag, parts in by_tag.items())
    return HTMLResponse(
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<title>Caretaker API</title><link rel="stylesheet" href="/docs.css"><h1>Caretaker API</h1>'
        '<p>The same as <a href="/openapi.json">openapi.json</a>. Sign in with <code>POST /api/v1/auth/token</code>, then send '
        f"<code>Authorization: Bearer …</code>. Errors are RFC 9457 problem documents.</p>{body}</html>"
    )


@router.get("/docs.css")
def docs_style() -> Response:
    return Response(STYLE, media_type="text/css")


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rule = RULES[method, path]
    who = "everybody" if rule is EVERYBODY else ", ".join(sorted(rule))
    rows = [_parameter(parameter) for parameter in operation.get("parameters", [])]
    content = operation.get("requestBody", {}).get("content", {})
    rows += [f"<tr><td><code>body</code><td>{escape(_type_of(one['schema']))}" for one in content.values()]
    return (
        f"<section><h3>{method} {escape(path)}</h3><p>{escape(operation.get('summary', ''))}. "
        f"{escape(operation.get('description', ''))}</p><p class=who>For: {escape(who)}</p><table>{''.join(rows)}</table></section>"
    )


def _parameter(parameter: dict[str, Any]) -> str:
    required = ", required" if parameter.get("required") else ""
    about = escape(parameter.get("description", ""))
    return f"<tr><td><code>{escape(parameter['name'])}</code><td>{escape(_type_of(parameter['schema']))}{required}<td>{about}"


def _type_of(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_type_of(part) for part in schema["anyOf"] if part.get("type") != "null")
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    return str(schema.get("format") or schema.get("type", "any"))
