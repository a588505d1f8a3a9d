"""The only map from errors to HTTP: every refusal is an RFC 9457 problem document; nothing internal leaves."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.headers import SECURITY_HEADERS
from devices.errors import BadInput, CaretakerError, Conflict, DependencyFailed, IllegalTransition, NotFound

_LOG = logging.getLogger(__name__)

STATUS_OF: tuple[tuple[type[CaretakerError], int], ...] = (
    (BadInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (IllegalTransition, 409),
    (DependencyFailed, 503),
)


class Refused(CaretakerError):
    """The edge itself says no: not signed in (401), not allowed (403), too often (429). Never carries a secret."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})


_FORM = "application/x-www-form-urlencoded"


def problem(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object) -> JSONResponse:
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": _without_secret(request.url.path),
        **more,
    }
    return JSONResponse(body, status_code=status, media_type="application/problem+json", headers=dict(headers or {}))


_SECRET_AFTER = "/push/by-token/"  # noqa: S105 - an address
"""Devices that can send no header carry their token in the address, which must not be repeated or logged."""


def _without_secret(path: str) -> str:
    before, sign, after = path.partition(_SECRET_AFTER)
    return f"{before}{sign}.../{after.partition('/')[2]}" if sign else path


async def on_refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    return problem(request, error.status, str(error), error.headers)


async def on_ours(request: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)
    if status == 500:
        return await on_bug(request, error)
    headers = {"Retry-After": str(max(1, round(error.retry_after_s)))} if isinstance(error, DependencyFailed) else None
    if isinstance(error, DependencyFailed):
        _LOG.warning("dependency failed path=%s error=%s", _without_secret(request.url.path), error)
        return problem(request, status, "a store or service behind Caretaker does not answer; try again", headers)
    return problem(request, status, str(error) or "no such thing", headers)


async def on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(request, error.status_code, str(error.detail), error.headers)


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """422 with one line for each field; what was sent is not sent back, since it may be a password."""
    assert isinstance(error, RequestValidationError)
    fields = [{"place": ".".join(str(part) for part in found["loc"]), "message": str(found["msg"])} for found in error.errors()]
    if _FORM in request.headers.get("content-type", "") and any(field["place"] == "body" for field in fields):
        return problem(
            request, 415, "send JSON with Content-Type: application/json; this came as a form", {"Accept": "application/json"}
        )
    detail = "; ".join(f"{field['place']}: {field['message']}" for field in fields[:5])
    return problem(request, 422, detail, errors=fields)


async def on_bug(request: Request, error: Exception) -> JSONResponse:
    _LOG.error("unhandled error method=%s path=%s", request.method, _without_secret(request.url.path), exc_info=error)
    return problem(request, 500, "an error inside Caretaker; it has been logged", SECURITY_HEADERS)


def install(app: FastAPI) -> None:
    app.add_exception_handler(Refused, on_refused)
    app.add_exception_handler(CaretakerError, on_ours)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_bug)
