"""The application: routes by noun behind one guard, one error map, one live feed. `create_app(deps)` is all that others need."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from api import errors
from api.body_limit import BodyLimit
from api.changes import describer
from api.deps import DemoUser, Deps, Kept, SiteInfo
from api.guard import check_rules
from api.headers import SecurityHeaders
from api.live import ChangeFeed
from api.paths import WholeSegments
from api.rates import SignInLimiter
from api.registry_cache import RegistryCache
from api.routes import (
    alerts,
    asset_papers,
    assets,
    auth,
    benchmarks,
    budgets,
    commands,
    commissioning,
    consumption,
    crew,
    data_quality,
    dead_letters,
    detectors,
    devices,
    discovered,
    events,
    exports,
    findings,
    forecast,
    gateways,
    health,
    links,
    manual,
    meters,
    metrics,
    profiles,
    push,
    quotas,
    reading_imports,
    records,
    reference,
    savings,
    spaces,
    stocktakes,
    stream,
    summary,
    table_imports,
    tariffs,
    tokens,
    virtual_meters,
    work_orders,
)

__all__ = ["DemoUser", "Deps", "SiteInfo", "create_app", "feed_of"]

BODY_LIMIT_BYTES = 1024 * 1024
LARGER_BODIES = (("/manual-readings", 9 << 20), ("/reading-imports/uploads", 65 << 20))
"""Photos, and tables of readings."""

ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    summary.router,
    spaces.router,
    devices.router,
    profiles.router,
    gateways.router,
    data_quality.router,
    discovered.router,
    links.router,
    dead_letters.router,
    consumption.router,
    meters.router,
    virtual_meters.router,
    tariffs.router,
    forecast.router,
    budgets.router,
    quotas.router,
    benchmarks.router,
    savings.router,
    detectors.router,
    findings.router,
    alerts.router,
    work_orders.router,
    crew.router,
    asset_papers.router,  # before /assets/{tag}
    assets.router,
    stocktakes.router,
    table_imports.router,
    events.router,
    stream.router,
    health.router,
    metrics.router,
    push.router,
    manual.router,
    exports.router,
    reading_imports.router,
    tokens.router,
    commands.router,
    records.router,
    commissioning.router,
    reference.router,
)


def create_app(deps: Deps) -> FastAPI:
    """Raises ValueError where a route has no rule in api.permissions. Mount the pages at "/" afterwards."""
    app = FastAPI(
        title="Caretaker",
        version="1",
        summary="From a meter reading to an accepted repair and a measured saving",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
    )
    app.state.deps = deps
    registry = RegistryCache(deps.registry)
    feed = ChangeFeed(deps.changes, describer(deps, registry))
    app.state.kept = Kept(registry=registry, limiter=SignInLimiter(), feed=feed)
    errors.install(app)
    app.add_middleware(BodyLimit, limit_bytes=BODY_LIMIT_BYTES, larger=LARGER_BODIES)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(WholeSegments)
    for router in ROUTERS:
        app.include_router(router)
    check_rules(api_routes())
    app.router.routes.append(Route("/api/{rest:path}", _nothing_here, methods=_ANY, include_in_schema=False))
    return app


def feed_of(app: FastAPI) -> ChangeFeed:
    """The live feed: `wake()` it on bus messages, `close()` it before the server stops."""
    return cast("Kept", app.state.kept).feed


def api_routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    feed = feed_of(app)
    await feed.start()
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        feed.close()
        await task


_ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def _nothing_here(request: Request) -> None:
    """Keeps what is under /api from falling through to the pages: 405 where another method would do, else 404."""
    allowed = sorted(
        method
        for route in api_routes()
        if route.matches({**request.scope, "type": "http"})[0] is not Match.NONE
        for method in route.methods or ()
    )
    if allowed:
        raise HTTPException(405, "this address knows other methods: " + ", ".join(allowed), {"Allow": ", ".join(allowed)})
    raise HTTPException(404, "no such address; see /docs")
