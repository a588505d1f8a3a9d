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

SPOOL_AGE_LIMIT_S = 60.0
SPOOL_AGE = "spool_age_s"


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
    """Ingest writes its numbers every few seconds; before its first ones there is nothing to say."""
    age_s = read_role_metrics(deps.metrics_dir).get("ingest", {}).get(SPOOL_AGE, 0.0)
    return "ok" if age_s <= SPOOL_AGE_LIMIT_S else f"the oldest spooled message waits for {age_s:.0f} s"


_CHECKS = {"database": _database, "reading_store": _reading_store, "broker": _broker, "ingest": _ingest}
