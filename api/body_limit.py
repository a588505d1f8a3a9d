"""No request body above the limit is read: refused by its declared length at once, else as soon as more has arrived."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem


class BodyLimit:
    """`larger`: endings of paths that take files, with their own limits; the guard has let nobody in who may not send one."""

    def __init__(self, app: ASGIApp, limit_bytes: int, larger: Sequence[tuple[str, int]] = ()) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._larger = tuple(larger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit_bytes = next((most for ending, most in self._larger if scope["path"].endswith(ending)), self._limit_bytes)
        detail = f"a request body has at most {limit_bytes} bytes here"
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit_bytes:
            await problem(Request(scope), 413, detail)(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit_bytes, detail), send)


def _counted(receive: Receive, limit_bytes: int, detail: str) -> Receive:
    read_bytes = 0

    async def counted() -> Message:
        nonlocal read_bytes
        message = await receive()
        read_bytes += len(message.get("body", b""))
        if read_bytes > limit_bytes:
            raise HTTPException(413, detail)
        return message

    return counted
