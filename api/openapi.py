"""The OpenAPI document: FastAPI's own, with our errors, our ways to sign in and the roles of each route."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.permissions import EVERYBODY, rule_for

Document = dict[str, Any]

_PROBLEM: Document = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong and how to mend it"},
        "instance": {"type": "string", "description": "the path that was asked"},
        "errors": {
            "type": "array",
            "description": "with 422: one for each field",
            "items": {"type": "object", "properties": {"place": {"type": "string"}, "message": {"type": "string"}}},
        },
    },
}
_SCHEMES: Document = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "access_token of POST /api/v1/auth/token"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "caretaker_session",
        "description": "unsafe methods also need the header X-CSRF-Token, told by GET /api/v1/me",
    },
}
_ANSWER: Document = {
    "description": "Refused",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def document(app: FastAPI) -> Document:
    """Made once for each application."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        components = made.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["Problem"] = _PROBLEM
        components["securitySchemes"] = _SCHEMES
        for path, operations in made["paths"].items():
            for method, operation in operations.items():
                _complete(operation, method.upper(), path)
        app.openapi_schema = made
    return app.openapi_schema


def _complete(operation: Document, method: str, path: str) -> None:
    rule = rule_for([method], path)
    operation["responses"].pop("422", None)
    operation["responses"] |= {"4XX": _ANSWER, "5XX": _ANSWER}
    if rule is not EVERYBODY and rule is not None:
        operation["security"] = [{"bearer": []}, {"cookie": []}]
        operation["x-roles"] = sorted(rule)
