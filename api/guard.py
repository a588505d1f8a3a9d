"""The door of every route: session, role and forgery check happen before a byte of the body is read."""

from collections.abc import Callable, Coroutine
from typing import Any, cast

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.auth import check_csrf, session_of
from api.deps import Deps
from api.errors import Refused
from api.paths import params_of
from api.permissions import EVERYBODY, reaches_whole_site, rule_for

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """Refuses who may not pass. A route without a rule is refused always (and `check_rules` keeps the program from starting)."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.scope["path_params"] = params_of(request.path_params)
            await run_in_threadpool(admit, request, self)
            return await handler(request)

        return guarded


def admit(request: Request, route: APIRoute) -> None:
    """Puts `session` and `user` on `request.state`. Raises Refused 401 or 403."""
    rule = rule_for(route.methods or (), route.path)
    if rule is None:
        raise Refused(403, "no rule opens this route")
    if rule is EVERYBODY:
        return
    session = session_of(request, cast("Deps", request.app.state.deps))
    if session is None:
        raise Refused(401, "sign in first: POST /api/v1/auth/token", {"WWW-Authenticate": "Bearer"})
    if not session.user.roles & rule:
        raise Refused(403, "your role may not do this")
    if session.user.buildings is not None and reaches_whole_site(route.path):
        raise Refused(403, "you look after some buildings only; this is for somebody who sees the whole campus")
    check_csrf(request, session)
    request.state.session = session
    request.state.user = session.user


def check_rules(routes: list[APIRoute]) -> None:
    """Raises ValueError for the first route that nobody made a rule for, TypeError for one that goes round the guard."""
    for route in routes:
        if rule_for(route.methods or (), route.path) is None:
            raise ValueError(f"{sorted(route.methods or ())} {route.path}: add a line to RULES in api/permissions.py")
        if not isinstance(route, GuardedRoute):
            raise TypeError(f"{route.path}: make its router with route_class=GuardedRoute")
