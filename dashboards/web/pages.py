"""The screens: server pages over the HTTP API, mounted at `/`. Speaks to the API by HTTP only."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.web import (
    account,
    assets,
    commissioning,
    desk,
    detectors,
    energy,
    exchange,
    findings,
    meters,
    orders,
    places,
    plans,
    quotas,
    records,
    registry,
    reports,
    stocktakes,
)
from dashboards.web.visit import STATIC_DIR, Handler, House, page, refusal, visit_for_error

SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

ROUTES: tuple[tuple[str, Handler], ...] = (
    ("/", account.home),
    ("/desk", desk.desk),
    ("/alerts/{id}", desk.alert),
    ("/energy", energy.overview),
    ("/energy/{space}", energy.space),
    ("/detectors", detectors.listing),
    ("/evaluation", detectors.evaluation),
    ("/detectors/{kind}", detectors.detector),
    ("/findings", findings.listing),
    ("/findings/{id}", findings.detail),
    ("/spaces", registry.spaces),
    ("/spaces/new", registry.new_space),
    ("/spaces/{id}", places.space),
    ("/spaces/{id}/edit", registry.edit_space),
    ("/devices", places.devices),
    ("/devices/discovered", registry.discovered),
    ("/devices/{id}", places.device),
    ("/devices/{id}/edit", registry.edit_device),
    ("/devices/{id}/read", exchange.read_meter),
    ("/devices/{id}/record", records.record),
    ("/records", records.listing),
    ("/commissioning", commissioning.listing),
    ("/devices/{id}/commands", exchange.device_commands),
    ("/read", exchange.choose_meter),
    ("/commands", exchange.commands),
    ("/data", exchange.data),
    ("/data/import", exchange.plan_import),
    ("/data/imports/{id}", exchange.show_import),
    ("/data/tokens", exchange.tokens),
    ("/discovered", registry.discovered),
    ("/discovered/adopt", registry.adopt),
    ("/dead-letters", registry.dead_letters),
    ("/dead-letters/{id}", registry.dead_letter),
    ("/profiles", registry.profiles),
    ("/gateways", registry.gateways),
    ("/gateways/{id}", registry.gateway),
    ("/data-quality", registry.data_quality),
    ("/meters", meters.listing),
    ("/meters/{id}", meters.meter),
    ("/prices", meters.prices),
    ("/budgets", plans.budgets),
    ("/quotas", quotas.quotas),
    ("/benchmarks", plans.benchmarks),
    ("/orders", orders.board),
    ("/orders/{id}", orders.order),
    ("/jobs", orders.jobs),
    ("/assets", assets.listing),
    ("/assets/new", assets.new),
    ("/assets/report", assets.report),
    ("/assets/labels", assets.labels),
    ("/assets/bring-in", assets.bring_in),
    ("/a/{tag}", assets.asset),
    ("/stocktakes", stocktakes.listing),
    ("/stocktakes/{id}", stocktakes.stocktake),
    ("/reports", reports.mine),
    ("/report", reports.choose_place),
    ("/report/{space}", reports.report),
)


def create_pages(api_app: ASGIApp, *, site_name: str, now: Callable[[], datetime]) -> Starlette:
    """The pages as an ASGI app over `api_app`, which answers /api/v1; `site_name` stands in while it cannot; `now` is the clock."""
    house = House(api_app=api_app, site_name=site_name, now=now)
    return Starlette(
        routes=_routes(house),
        middleware=[Middleware(SecurityHeaders), Middleware(GZipMiddleware, minimum_size=1000)],
        exception_handlers={HTTPException: _not_found(house)},
    )


def _routes(house: House) -> list[BaseRoute]:
    public: list[BaseRoute] = [
        Route("/sign-in", page(house, account.sign_in, public=True), methods=["GET", "POST"]),
        Route("/sign-out", page(house, account.sign_out), methods=["POST"]),
        Route("/preferences", page(house, account.preferences, public=True), methods=["POST"]),
        Route("/offline", page(house, account.offline, public=True)),
        Route("/sw.js", _service_worker),
        Route("/favicon.ico", _favicon),
        Mount("/static", _LastingFiles(directory=STATIC_DIR)),
    ]
    return [*public, *(Route(path, page(house, handler)) for path, handler in ROUTES)]


class _LastingFiles(StaticFiles):
    """Static files; their addresses carry a stamp of their content, so browsers keep them."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


async def _service_worker(_: Request) -> Response:
    """At the root, so that it may answer for every page."""
    return FileResponse(STATIC_DIR / "js" / "sw.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"})


async def _favicon(_: Request) -> Response:
    return FileResponse(STATIC_DIR / "icon.svg", media_type="image/svg+xml")


def _not_found(house: House) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if request.url.path.startswith("/api/"):
            problem = {"type": "about:blank", "title": "Not Found", "status": status, "instance": request.url.path}
            return JSONResponse(problem, status_code=status, media_type="application/problem+json")
        return refusal(await visit_for_error(house, request), status)

    return answer


class SecurityHeaders:
    """Adds the headers to every answer of the pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *SECURITY_HEADERS]}
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)
