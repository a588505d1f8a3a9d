"""The pages' only source of facts: the HTTP API, asked with the reader's own session."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp

SESSION_COOKIE = "caretaker_session"
_TIMEOUT_S = 20.0
_PAGE_ITEMS = 500

Json = dict[str, Any]


class SignedOut(Exception):
    """The API does not know the session (any more)."""


class Refused(Exception):
    """The API answered with an error; `detail` is what it says to a person."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Backend:
    """One reader's view of the API."""

    client: httpx.AsyncClient

    async def get(self, path: str, **params: str | float | None) -> Json:
        """GET /api/v1`path`; parameters that are None or empty are left out. Raises SignedOut or Refused."""
        given = {name: value for name, value in params.items() if value is not None and value != ""}
        return _answer(await self.client.get(f"/api/v1{path}", params=given))

    async def get_or_none(self, path: str, **params: str | float | None) -> Json | None:
        """As `get`, for what the reader may not see or what does not exist: None."""
        try:
            return await self.get(path, **params)
        except Refused as refused:
            if refused.status in (403, 404):
                return None
            raise

    async def items(self, path: str, *, limit: int = 200, **params: str | float | None) -> list[Json]:
        """Up to `limit` items of a list, page after page. Raises SignedOut or Refused."""
        found: list[Json] = []
        cursor: str | None = None
        while len(found) < limit:
            answer = await self.get(path, limit=min(_PAGE_ITEMS, limit - len(found)), cursor=cursor, **params)
            found += answer["items"]
            cursor = answer.get("next")
            if cursor is None:
                break
        return found

    async def items_if_allowed(self, path: str, *, limit: int = 200, **params: str | float | None) -> list[Json]:
        """As `items`; empty where the reader may not see them."""
        try:
            return await self.items(path, limit=limit, **params)
        except Refused as refused:
            if refused.status == 403:
                return []
            raise

    async def post(self, path: str, body: Json, *, csrf: str) -> Json:
        """For questions too long for an address; changes are sent by the browser itself. Raises SignedOut or Refused."""
        return _answer(await self.client.post(f"/api/v1{path}", json=body, headers={"X-CSRF-Token": csrf}))

    async def sign_in(self, username: str, password: str) -> httpx.Response:
        body = {"username": username, "password": password, "cookie": True}
        return await self.client.post("/api/v1/auth/token", json=body)

    async def sign_out(self, csrf_token: str) -> httpx.Response:
        return await self.client.post("/api/v1/auth/logout", headers={"X-CSRF-Token": csrf_token})


def open_backend(api_app: ASGIApp, request: Request) -> Backend:
    """A client that speaks to the API in this process as the caller of `request`: same host, same address, same session."""
    address = (request.client.host, request.client.port) if request.client else ("127.0.0.1", 0)
    session = request.cookies.get(SESSION_COOKIE)
    headers: Mapping[str, str] = {"Cookie": f"{SESSION_COOKIE}={session}"} if session else {}
    transport = httpx.ASGITransport(app=api_app, client=address, raise_app_exceptions=False)
    base = f"{request.url.scheme}://{request.url.netloc}"
    return Backend(httpx.AsyncClient(transport=transport, base_url=base, headers=headers, timeout=_TIMEOUT_S))


async def gather(*calls: Any) -> list[Any]:  # noqa: ANN401  each call has its own shape
    """The answers of several calls, asked at once."""
    return list(await asyncio.gather(*calls))


def _answer(response: httpx.Response) -> Json:
    if response.status_code == 401:
        raise SignedOut
    if response.status_code >= 400:
        raise Refused(response.status_code, _detail(response))
    answer: Json = response.json()
    return answer


def _detail(response: httpx.Response) -> str:
    try:
        problem = response.json()
        return str(problem.get("detail") or problem.get("title") or "")
    except (ValueError, AttributeError):
        return ""
