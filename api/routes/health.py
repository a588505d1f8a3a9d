"""Whether Caretaker runs (/healthz) and whether all it needs answers (/readyz)."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.deps import Deps, DepsHere
from api.errors import problem
from api.guard import GuardedRoute
from api.role_metrics import read_role_metrics
from devices.errors import CaretakerError

router = APIRouter(route_class=GuardedRoute, tags=["operation"])

INGEST_SILENT_S = 60.0
SPOOL_FULL = 0.9
_PREFIX = "caretaker_ingest_"


@router.get("/healthz", summary="The process is alive")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", summary="Everything behind it answers", response_model=None)
def readyz(request: Request, deps: DepsHere) -> Response:
    """503 with the failing part named, else 200."""
    checks = {name: _outcome(check, deps) for name, check in _CHECKS.items()}
    failing = [f"{name}: {outcome}" for name, outcome in checks.items() if outcome != "ok"]
    if failing:
        return problem(request, 503, "; ".join(failing), {"Retry-After": "5"}, checks=checks)
    return JSONResponse({"status": "ok", "checks": checks})


def _outcome(check: Callable[[Deps], str], deps: Deps) -> str:
    try:
        return check(deps)
    except CaretakerError:
        return "does not answer"


def _database(deps: Deps) -> str:
    deps.changes.last_seq()
    return "ok"


def _reading_store(deps: Deps) -> str:
    deps.readings.latest(["-"])
    return "ok"


def _broker(deps: Deps) -> str:
    return "ok" if deps.broker_reachable() else "not connected"


def _ingest(deps: Deps) -> str:
    """From the numbers that ingest writes every few seconds; before its first ones there is nothing to say."""
    numbers = read_role_metrics(deps.metrics_dir).get("ingest")
    if numbers is None:
        return "ok"
    silent_s = deps.now().timestamp() - numbers.get(_PREFIX + "updated_ms", 0.0) / 1000
    if silent_s > INGEST_SILENT_S:
        return f"has not reported for {silent_s:.0f} s"
    if not numbers.get(_PREFIX + "broker_connected", 1.0):
        return "is not connected to the broker"
    limit_bytes = numbers.get(_PREFIX + "spool_limit_bytes", 0.0)
    if limit_bytes and numbers.get(_PREFIX + "spool_bytes", 0.0) > SPOOL_FULL * limit_bytes:
        return "its spool is nearly full: the reading store does not keep up"
    return "ok"


_CHECKS = {"database": _database, "reading_store": _reading_store, "broker": _broker, "ingest": _ingest}
