"""Ids in addresses may hold "/" (`gateway/unit`, `group/node/device`): sent as %2F they stay in one segment of the path.

ASGI servers decode the whole path before anybody splits it. `WholeSegments` splits first; `params_of` decodes what was left.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send


class WholeSegments:
    """The path with %2F (and %25, so that it can be told from it) still encoded. Doing it twice does no harm."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and b"%" in (raw := scope.get("raw_path") or b""):
            scope = {**scope, "path": _decoded(raw)}
        await self._app(scope, receive, send)


def params_of(path_params: Mapping[str, Any]) -> dict[str, Any]:
    """The ids as they are meant."""
    return {name: unquote(value) if isinstance(value, str) else value for name, value in path_params.items()}


def _decoded(raw_path: bytes) -> str:
    path = raw_path.partition(b"?")[0].decode("ascii", errors="replace")
    return unquote(path.replace("%25", "%2525").replace("%2F", "%252F").replace("%2f", "%252F"))
