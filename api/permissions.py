"""Who may do what, in one table: (method, path) → roles. A route without a line here does not start.

Roles open the door of a route; `visible_spaces`, `may_see_order` and the engines decide about the single thing behind it.
"""

from collections.abc import Iterable
from enum import StrEnum

from alerts.model import Alert, Severity
from devices.model import SpaceKind
from devices.registry import Registry
from maintenance.model import WorkOrder
from storage.user import Role, User


class Open(StrEnum):
    """Routes that need no sign-in: for anybody, or for programs on this machine (scrapers) and the roles beside it."""

    EVERYBODY = "everybody"


EVERYBODY = Open.EVERYBODY
ALL = frozenset(Role)
ADMIN = frozenset({Role.ADMIN})
IMPORTING = frozenset({Role.ADMIN, Role.ENERGY_MANAGER})
STAFF = ALL - {Role.REPORTER}
ADMINS = frozenset({Role.ADMIN})
DESK = frozenset({Role.ADMIN, Role.SECURITY, Role.DISPATCHER})
ALERTING = DESK | {Role.ENERGY_MANAGER}
ENERGY = frozenset({Role.ADMIN, Role.ENERGY_MANAGER, Role.LOGISTICS_HEAD, Role.DISPATCHER})
ACCOUNTS = frozenset({Role.ADMIN, Role.ENERGY_MANAGER})
"""Who keeps the accounts: exchanges, corrections, virtual meters, prices and factors."""
DISPATCH = frozenset({Role.ADMIN, Role.DISPATCHER, Role.LOGISTICS_HEAD})
KEEPERS = frozenset({Role.ADMIN, Role.LOGISTICS_HEAD, Role.DISPATCHER})
"""Keep the asset ledger; what a request waits for, the machine lets only the logistics head or another administrator decide."""
CAMPUS_WIDE = STAFF - {Role.CREW}
"""Who sees every order of the buildings they may see."""

Rule = frozenset[Role] | Open

RULES: dict[tuple[str, str], Rule] = {
    ("GET", "/healthz"): EVERYBODY,
    ("GET", "/readyz"): EVERYBODY,
    ("GET", "/metrics"): EVERYBODY,
    ("GET", "/docs"): EVERYBODY,
    ("GET", "/docs.css"): EVERYBODY,
    ("GET", "/openapi.json"): EVERYBODY,
    ("POST", "/api/v1/auth/token"): EVERYBODY,
    ("GET", "/api/v1/auth/demo-users"): EVERYBODY,
    ("GET", "/api/v1/site"): EVERYBODY,
    ("POST", "/api/v1/auth/logout"): ALL,
    ("GET", "/api/v1/me"): ALL,
    ("GET", "/api/v1/summary"): STAFF,
    ("GET", "/api/v1/spaces"): ALL,
    ("GET", "/api/v1/spaces/{space_id}"): ALL,
    ("GET", "/api/v1/spaces/{space_id}/qr.svg"): STAFF,
    ("POST", "/api/v1/spaces"): ADMINS,
    ("PATCH", "/api/v1/spaces/{space_id}"): ADMINS | {Role.ENERGY_MANAGER},
    ("DELETE", "/api/v1/spaces/{space_id}"): ADMINS,
    ("GET", "/api/v1/devices"): STAFF,
    ("GET", "/api/v1/devices/{device_id}"): STAFF,
    ("GET", "/api/v1/devices/{device_id}/readings"): STAFF,
    ("GET", "/api/v1/devices/{device_id}/record"): STAFF,
    ("GET", "/api/v1/devices/{device_id}/record/file"): STAFF,
    ("POST", "/api/v1/devices/{device_id}/record/checks"): STAFF,
    ("GET", "/api/v1/records"): STAFF,
    ("GET", "/api/v1/commissioning"): STAFF,
    ("GET", "/api/v1/devices/{device_id}/commissioning"): STAFF,
    ("POST", "/api/v1/devices/{device_id}/commissioning/release"): ACCOUNTS,
    ("POST", "/api/v1/devices"): ADMINS,
    ("PATCH", "/api/v1/devices/{device_id}"): ADMINS,
    ("POST", "/api/v1/devices/{device_id}/retire"): ADMINS,
    ("POST", "/api/v1/devices/{device_id}/put-back"): ADMINS,
    ("POST", "/api/v1/devices/{device_id}/replace"): ADMINS,
    ("GET", "/api/v1/profiles"): STAFF,
    ("GET", "/api/v1/gateways"): STAFF,
    ("GET", "/api/v1/gateways/{gateway_id}"): STAFF,
    ("GET", "/api/v1/data-quality"): STAFF,
    ("GET", "/api/v1/devices/{device_id}/data-quality"): STAFF,
    ("GET", "/api/v1/links"): ADMINS,
    ("PUT", "/api/v1/links"): ADMINS,
    ("POST", "/api/v1/links/remove"): ADMINS,
    ("GET", "/api/v1/families"): ADMINS,
    ("GET", "/api/v1/discovered"): ADMINS,
    ("POST", "/api/v1/discovered/adopt"): ADMINS,
    ("POST", "/api/v1/discovered/adopt-all"): ADMINS,
    ("POST", "/api/v1/discovered/ignore"): ADMINS,
    ("POST", "/api/v1/discovered/notice"): ADMINS,
    ("GET", "/api/v1/dead-letters"): ADMINS,
    ("GET", "/api/v1/dead-letters/counts"): ADMINS,
    ("GET", "/api/v1/dead-letters/{letter_id}"): ADMINS,
    ("POST", "/api/v1/dead-letters/replay"): ADMINS,
    ("POST", "/api/v1/dead-letters/delete"): ADMINS,
    ("GET", "/api/v1/consumption"): ENERGY,
    ("GET", "/api/v1/consumption/breakdown"): ENERGY,
    ("GET", "/api/v1/meters"): ENERGY,
    ("GET", "/api/v1/meters/{meter_id}/ledger"): ENERGY,
    ("GET", "/api/v1/meters/{meter_id}/bill"): ENERGY,
    ("POST", "/api/v1/meters/{meter_id}/exchanges"): ACCOUNTS,
    ("POST", "/api/v1/meters/{meter_id}/corrections"): ACCOUNTS,
    ("DELETE", "/api/v1/meters/{meter_id}/entries/{entry_id}"): ACCOUNTS,
    ("GET", "/api/v1/virtual-meters"): ENERGY,
    ("POST", "/api/v1/virtual-meters"): ACCOUNTS,
    ("PUT", "/api/v1/virtual-meters/{meter_id}"): ACCOUNTS,
    ("DELETE", "/api/v1/virtual-meters/{meter_id}"): ACCOUNTS,
    ("GET", "/api/v1/tariffs"): ENERGY,
    ("POST", "/api/v1/tariffs/prices"): ACCOUNTS,
    ("PUT", "/api/v1/tariffs/prices/{price_id}"): ACCOUNTS,
    ("DELETE", "/api/v1/tariffs/{quantity}/prices/{price_id}"): ACCOUNTS,
    ("POST", "/api/v1/tariffs/factors"): ACCOUNTS,
    ("DELETE", "/api/v1/tariffs/{quantity}/factors/{factor_id}"): ACCOUNTS,
    ("GET", "/api/v1/forecast"): ENERGY,
    ("GET", "/api/v1/budgets"): ENERGY,
    ("GET", "/api/v1/budgets/{budget_id}"): ENERGY,
    ("POST", "/api/v1/budgets"): ACCOUNTS,
    ("PUT", "/api/v1/budgets/{budget_id}"): ACCOUNTS,
    ("DELETE", "/api/v1/budgets/{budget_id}"): ACCOUNTS,
    ("GET", "/api/v1/quotas"): ENERGY,
    ("GET", "/api/v1/quotas/rooms"): ENERGY,
    ("POST", "/api/v1/quotas"): ACCOUNTS,
    ("PUT", "/api/v1/quotas/{quota_id}"): ACCOUNTS,
    ("DELETE", "/api/v1/quotas/{quota_id}"): ACCOUNTS,
    ("GET", "/api/v1/savings"): STAFF,
    ("GET", "/api/v1/benchmarks"): ENERGY,
    ("GET", "/api/v1/benchmarks/rooms"): ENERGY,
    ("GET", "/api/v1/detectors"): STAFF,
    ("GET", "/api/v1/detector-records"): STAFF,
    ("GET", "/api/v1/detectors/{kind}"): STAFF,
    ("POST", "/api/v1/detectors/{kind}/trial"): ENERGY,
    ("GET", "/api/v1/detectors/{kind}/suggestions"): ACCOUNTS,
    ("POST", "/api/v1/detectors/{kind}/rules"): ACCOUNTS,
    ("POST", "/api/v1/detectors/{kind}/rules/{rule_id}/undo"): ACCOUNTS,
    ("GET", "/api/v1/findings/{finding_id}/verdicts"): STAFF,
    ("POST", "/api/v1/findings/{finding_id}/verdicts"): STAFF,
    ("GET", "/api/v1/findings"): STAFF,
    ("GET", "/api/v1/findings/{finding_id}"): STAFF,
    ("GET", "/api/v1/alerts"): STAFF,
    ("GET", "/api/v1/alerts/headlines"): STAFF,
    ("GET", "/api/v1/alerts/{alert_id}"): STAFF,
    ("POST", "/api/v1/alerts/{alert_id}/acknowledge"): ALERTING,
    ("POST", "/api/v1/alerts/{alert_id}/resolve"): DESK,
    ("GET", "/api/v1/work-orders"): ALL,
    ("POST", "/api/v1/work-orders"): ALL,
    ("GET", "/api/v1/work-orders/{order_id}"): ALL,
    ("POST", "/api/v1/work-orders/{order_id}/{event}"): ALL,
    ("GET", "/api/v1/crew"): DISPATCH,
    ("GET", "/api/v1/assets"): STAFF,
    ("POST", "/api/v1/assets"): KEEPERS,
    ("GET", "/api/v1/assets/classes"): STAFF,
    ("GET", "/api/v1/assets/report"): KEEPERS | {Role.ENERGY_MANAGER},
    ("GET", "/api/v1/assets/report/file"): KEEPERS | {Role.ENERGY_MANAGER},
    ("GET", "/api/v1/assets/export"): KEEPERS,
    ("GET", "/api/v1/assets/labels.pdf"): STAFF,
    ("GET", "/api/v1/space-labels.pdf"): STAFF,
    ("GET", "/api/v1/stocktakes"): STAFF,
    ("POST", "/api/v1/stocktakes"): KEEPERS,
    ("GET", "/api/v1/stocktakes/{stocktake_id}"): STAFF,
    ("POST", "/api/v1/stocktakes/{stocktake_id}/count"): STAFF,
    ("POST", "/api/v1/stocktakes/{stocktake_id}/close"): KEEPERS,
    ("POST", "/api/v1/stocktakes/{stocktake_id}/correct"): KEEPERS,
    ("POST", "/api/v1/stocktakes/{stocktake_id}/lines/{line_id}/enter"): KEEPERS,
    ("GET", "/api/v1/stocktakes/{stocktake_id}/file"): KEEPERS,
    ("POST", "/api/v1/imports/assets"): KEEPERS,
    ("POST", "/api/v1/imports/spaces"): ADMINS,
    ("POST", "/api/v1/imports/devices"): ADMINS,
    ("GET", "/api/v1/exports/spaces"): STAFF,
    ("GET", "/api/v1/exports/devices"): STAFF,
    ("GET", "/api/v1/assets/{tag}"): STAFF,
    ("PATCH", "/api/v1/assets/{tag}"): KEEPERS,
    ("GET", "/api/v1/assets/{tag}/history"): STAFF,
    ("GET", "/api/v1/assets/{tag}/place"): ALL,
    ("POST", "/api/v1/assets/{tag}/{event}"): STAFF,
    ("GET", "/api/v1/events"): DESK,
    ("GET", "/api/v1/stream"): ALL,
    ("POST", "/api/v1/push"): EVERYBODY,  # these four ask for a push token themselves
    ("POST", "/api/v1/push/devices/{device_id}"): EVERYBODY,
    ("POST", "/api/v1/push/{family}"): EVERYBODY,
    ("POST", "/api/v1/push/by-token/{token}/{family}"): EVERYBODY,
    ("GET", "/api/v1/devices/{device_id}/manual-readings/check"): STAFF,
    ("POST", "/api/v1/devices/{device_id}/manual-readings"): STAFF,
    ("GET", "/api/v1/manual-readings"): STAFF,
    ("GET", "/api/v1/manual-readings/photos/{photo}"): STAFF,
    ("GET", "/api/v1/exports/readings"): ENERGY,
    ("POST", "/api/v1/reading-imports/uploads"): IMPORTING,
    ("GET", "/api/v1/reading-imports/uploads/{upload_id}"): IMPORTING,
    ("GET", "/api/v1/reading-imports/preview"): IMPORTING,
    ("POST", "/api/v1/reading-imports"): IMPORTING,
    ("GET", "/api/v1/reading-imports"): IMPORTING,
    ("GET", "/api/v1/reading-imports/{import_id}"): IMPORTING,
    ("GET", "/api/v1/tokens"): ADMIN,
    ("POST", "/api/v1/tokens"): ADMIN,
    ("POST", "/api/v1/tokens/{token_id}/revoke"): ADMIN,
    ("GET", "/api/v1/commands"): ALERTING,
    ("GET", "/api/v1/devices/{device_id}/commands"): ALERTING,
    ("POST", "/api/v1/devices/{device_id}/commands"): ALERTING,
    ("POST", "/api/v1/commands/{command_id}/confirm"): ALERTING,
    ("POST", "/api/v1/commands/{command_id}/cancel"): ALERTING,
}

WHOLE_SITE = (
    "/api/v1/links",
    "/api/v1/dead-letters",
    "/api/v1/tokens",
    "/api/v1/reading-imports",
)
"""What belongs to no building: closed to everybody who looks after some buildings only, whatever the role."""


def reaches_whole_site(path: str) -> bool:
    return any(path == start or path.startswith(start + "/") for start in WHOLE_SITE)


def rule_for(methods: Iterable[str], path: str) -> Rule | None:
    return next((RULES[method, path] for method in methods if (method, path) in RULES), None)


def visible_spaces(user: User, registry: Registry) -> frozenset[str] | None:
    """Ids of the spaces the user may see, or None for all. Limited users see the site, their buildings and what is inside."""
    if user.buildings is None:
        return None
    inside = {space.id for building in user.buildings for space in registry.within(building)}
    sites = {space.id for space in registry.spaces.values() if space.kind is SpaceKind.SITE}
    return frozenset(inside | sites)


def owned_spaces(user: User, registry: Registry) -> frozenset[str] | None:
    """Like `visible_spaces` without the site: whose alerts, devices and numbers the user may see."""
    if user.buildings is None:
        return None
    return frozenset(space.id for building in user.buildings for space in registry.within(building))


def is_staff(user: User) -> bool:
    return bool(user.roles & STAFF)


def may_see_space(user: User, registry: Registry, space_id: str) -> bool:
    spaces = owned_spaces(user, registry)
    return spaces is None or space_id in spaces


def may_acknowledge(user: User, alert: Alert) -> bool:
    """Life safety is for the desk alone: an alarm that somebody else has taken looks as if help were on its way."""
    return alert.severity is not Severity.LIFE_SAFETY or bool(user.roles & DESK)


def may_see_order(user: User, registry: Registry, order: WorkOrder) -> bool:
    """Own reports and own jobs always; crews also what nobody has taken in their trades; others by building."""
    if user.username in {order.reporter, order.assignee}:
        return True
    if not may_see_space(user, registry, order.space_id):
        return False
    if user.roles & CAMPUS_WIDE:
        return True
    return Role.CREW in user.roles and order.assignee is None and order.trade in user.trades
