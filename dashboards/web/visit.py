"""One request of one reader: who they are, what they read in, and how a page is drawn for them."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo

import httpx
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp

from dashboards.web.backend import Backend, Json, Refused, SignedOut, gather, open_backend
from dashboards.web.text import LANGUAGES, Text, choose_language, translations
from dashboards.web.words import LABELS, N_, STATES_OF_METRIC

WEB_DIR = Path(__file__).parent
STATIC_DIR = WEB_DIR / "static"

NAVIGATION: tuple[tuple[str, str, str, frozenset[str]], ...] = (
    ("/desk", N_("Desk"), "desk", frozenset({"admin", "security", "dispatcher", "logistics_head", "energy_manager"})),
    ("/energy", N_("Energy"), "energy", frozenset({"admin", "energy_manager", "logistics_head", "dispatcher"})),
    ("/findings", N_("Findings"), "findings", frozenset({"admin", "energy_manager", "logistics_head", "dispatcher"})),
    ("/orders", N_("Orders"), "orders", frozenset({"admin", "dispatcher", "logistics_head", "energy_manager", "security"})),
    ("/jobs", N_("My jobs"), "jobs", frozenset({"crew"})),
    ("/devices", N_("Devices"), "devices", frozenset({"admin", "energy_manager", "security", "dispatcher", "crew"})),
    ("/data", N_("Data"), "data", frozenset({"admin", "energy_manager", "dispatcher", "crew"})),
    ("/assets", N_("Assets"), "assets", frozenset({"admin", "logistics_head", "dispatcher"})),
    ("/reports", N_("Reports"), "reports", frozenset({"reporter", "admin", "dispatcher", "security", "energy_manager", "crew"})),
)
"""Address, word, icon, and the roles that see it. The API decides what they may do there."""

_BELONGS = {
    "/desk": ("/alerts",),
    "/energy": ("/budgets", "/quotas", "/benchmarks", "/meters", "/prices"),
    "/findings": ("/detectors", "/evaluation"),
    "/devices": (
        "/spaces",
        "/discovered",
        "/dead-letters",
        "/profiles",
        "/gateways",
        "/data-quality",
        "/records",
        "/commissioning",
    ),
    "/data": ("/read", "/commands"),
    "/assets": ("/a", "/stocktakes"),
    "/reports": ("/report",),
}
"""Pages without an entry of their own in the navigation, by the entry that is marked while one is on them."""


_FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What all requests share. `now` is the clock, given by whoever mounts the pages."""

    api_app: ASGIApp
    site_name: str
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """`me` is empty for a reader who has not signed in."""

    house: House
    request: Request
    api: Backend
    me: Json
    site: Json
    t: Text

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(self.me.get("roles", ()))

    def query(self, name: str, default: str = "") -> str:
        return self.request.query_params.get(name, default)

    def chosen(self, name: str, allowed: Mapping[str, Any] | tuple[str, ...], default: str = "") -> str:
        """A query parameter that must be one of `allowed`; anything else reads as the default."""
        value = self.query(name)
        return value if value in allowed else default

    def day(self, name: str, default: date | None = None) -> date:
        """A query parameter that must be a day from 1970 to today; anything else reads as the default, or today."""
        today = self.t.today()
        try:
            return max(_FIRST_DAY, min(date.fromisoformat(self.query(name)), today))
        except ValueError:
            return default or today

    def param(self, name: str) -> str:
        """A part of the path; "/" and "%" inside it arrive encoded (api.paths)."""
        return unquote(str(self.request.path_params[name]))

    def path(self, name: str) -> str:
        """The same, for an address of the API."""
        return whole(self.param(name))

    def render(self, template: str, *, status: int = 200, **facts: Any) -> HTMLResponse:  # noqa: ANN401  any value of a page
        """The page; `facts` are the template's names."""
        page = environment(self.t.lang).get_template(template)
        html = page.render(**self._surroundings(), **facts)
        return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store", "Vary": "Cookie"})

    def _surroundings(self) -> dict[str, Any]:
        return {
            "t": self.t,
            "me": self.me,
            "roles": self.roles,
            "site": self.site,
            "may": frozenset(right for right, roles in RIGHTS.items() if self.roles & roles),
            "nav": [entry for entry in NAVIGATION if self.roles & entry[3]],
            "here": self.request.url.path,
            "entry": _entry(self.request.url.path),
            "address": _address(self.request),
            "theme": _theme(self.request),
            "languages": LANGUAGES,
            "with_query": self.with_query,
        }

    def with_query(self, **changes: str | int | None) -> str:
        """The present address with some query parameters changed (None: left out)."""
        query = {**dict(self.request.query_params), **changes}
        kept = urlencode({name: value for name, value in query.items() if value not in (None, "")})
        return f"{_path(self.request)}?{kept}" if kept else _path(self.request)


def _entry(path: str) -> str:
    """The address of the navigation's entry that a page belongs to; empty where it belongs to none."""
    known = ((entry[0], (entry[0], *_BELONGS.get(entry[0], ()))) for entry in NAVIGATION)
    return next((entry for entry, roots in known if any(path == root or path.startswith(f"{root}/") for root in roots)), "")


RIGHTS: Mapping[str, frozenset[str]] = {
    "acknowledge": frozenset({"admin", "security", "dispatcher", "energy_manager"}),
    "resolve": frozenset({"admin", "security", "dispatcher"}),
    "import": frozenset({"admin", "energy_manager"}),
    "energy": frozenset({"admin", "energy_manager", "logistics_head", "dispatcher"}),
    "keep_assets": frozenset({"admin", "logistics_head", "dispatcher"}),
    "accounts": frozenset({"admin", "energy_manager"}),
    "staff": frozenset({"admin", "energy_manager", "logistics_head", "dispatcher", "security", "crew"}),
}
"""Which roles are shown a button or a link. The API decides again when it is used."""

Handler = Callable[[Visit], Awaitable[Response]]


def page(house: House, handler: Handler, *, public: bool = False) -> Callable[[Request], Awaitable[Response]]:
    """A route that opens a visit, asks the API who is there, and answers refusals with a page people understand."""

    async def endpoint(request: Request) -> Response:
        api = open_backend(house.api_app, request)
        async with api.client:
            visit = await _open(house, request, api)
            if not visit.me and not public:
                return _to_sign_in(request)
            try:
                return await handler(visit)
            except SignedOut:
                return _to_sign_in(request)
            except Refused as refused:
                return refusal(visit, refused.status, refused.detail)
            except httpx.InvalidURL:  # a query that is too long once it is encoded
                return refusal(visit, 400)

    return endpoint


def refusal(visit: Visit, status: int, detail: str = "") -> HTMLResponse:
    """The friendly page for 403, 404 and everything the API could not answer."""
    known = status if status in (403, 404, 429) else 503 if status >= 500 else 400
    return visit.render("refusal.html", status=status, code=known, detail=detail)


async def visit_for_error(house: House, request: Request) -> Visit:
    """A visit for pages outside any route; the reader is unknown there."""
    api = open_backend(house.api_app, request)
    async with api.client:
        return await _open(house, request, api)


async def _open(house: House, request: Request, api: Backend) -> Visit:
    me, site = await gather(_who(api), _site(house, api))
    lang = choose_language(request.cookies.get("lang"), me.get("language"), request.headers.get("accept-language"))
    zone = ZoneInfo(site.get("timezone", "UTC"))
    text = Text(lang=lang, zone=zone, now=house.now().astimezone(UTC), currency=site.get("currency", "CNY"))
    return Visit(house=house, request=request, api=api, me=me, site=site, t=text)


async def _who(api: Backend) -> Json:
    try:
        return await api.get("/me")
    except (SignedOut, Refused):
        return {}


async def _site(house: House, api: Backend) -> Json:
    try:
        return await api.get("/site")
    except (SignedOut, Refused):
        return {"name": house.site_name, "name_zh": house.site_name}


def _to_sign_in(request: Request) -> Response:
    target = "/sign-in?" + urlencode({"next": _address(request)})
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={"HX-Redirect": target})
    return RedirectResponse(target, status_code=303)


def _address(request: Request) -> str:
    return _path(request) + (f"?{request.url.query}" if request.url.query else "")


def _path(request: Request) -> str:
    """With one slash in front: a link to "//name" would lead to another site."""
    return "/" + request.url.path.lstrip("/\\")


def _theme(request: Request) -> str:
    theme = request.cookies.get("theme", "")
    return theme if theme in ("light", "dark") else ""


def whole(text: str) -> str:
    """For one segment of an address: unlike Jinja's own filter this one encodes "/" too, for ids that hold it; no id climbs."""
    return text.replace(".", "%2E") if text in {".", ".."} else quote(text, safe="")


@cache
def environment(lang: str) -> Environment:
    """The templates in one language."""
    made = Environment(
        loader=FileSystemLoader(WEB_DIR / "templates"),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.install_gettext_translations(translations(lang), newstyle=True)  # type: ignore[attr-defined]
    made.filters["urlencode"] = whole
    made.globals["asset"] = asset
    made.globals["version"] = version
    made.globals["labels"] = LABELS
    made.globals["states_of_metric"] = STATES_OF_METRIC
    return made


def version(*facts: Any) -> str:  # noqa: ANN401  whatever a live part of a page is drawn from
    """Changes when the facts do, so that a browser need not swap what is the same."""
    return sha256(json.dumps(facts, default=str, sort_keys=True).encode()).hexdigest()[:12]


@cache
def asset(name: str) -> str:
    """The address of a static file, with a stamp of its content so that browsers may keep it for ever."""
    stamp = sha256((STATIC_DIR / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={stamp}"
