"""Readings from tables: upload, say which column is what, look at the dry run, import in the background."""

import hashlib
import os
from dataclasses import asdict
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, UploadFile

from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.idempotency import IdempotencyKey, once, request_key
from api.paging import EntityId
from api.present import moment
from api.schemas import Page
from api.schemas_incoming import ImportOut, ImportPlan, ImportPreview, PlannedImport, RowProblem, UploadOut
from devices.errors import DependencyFailed, NotFound
from ingest.table_import import Plan, Problem, check, convert, guess
from ingest.tables import open_table
from storage.incoming import ReadingImport

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["reading imports"])

FIRST_ROWS = 8
PROBLEMS_TOLD = 100
_DEVICES_TOLD = 20
_UPLOAD_KEPT = timedelta(days=1)


@router.post("/reading-imports/uploads", status_code=201, summary="Upload a table of readings")
def upload(file: UploadFile, deps: DepsHere) -> UploadOut:
    """CSV (UTF-8, GB18030) or .xlsx of up to 64 MB; kept for a day. The answer shows how it begins and guesses the plan."""
    data, filename = file.file.read(), Path(file.filename or "table").name[:200] or "table"
    seen = _described(deps, hashlib.sha256(data).hexdigest(), data, filename)
    _keep(deps, seen.id, data)
    return seen


@router.get("/reading-imports/uploads/{upload_id}", summary="How an uploaded table begins")
def get_upload(upload_id: str, deps: DepsHere, filename: str = "table") -> UploadOut:
    return _described(deps, upload_id, _uploaded(deps, upload_id).read_bytes(), filename[:200])


@router.get("/reading-imports/preview", summary="Dry run of an import")
def preview(body: Annotated[PlannedImport, Query()], deps: DepsHere, registry: RegistryHere) -> ImportPreview:
    """Reads the whole table and says what would come of it; nothing is stored."""
    table = open_table(_uploaded(deps, body.upload).read_bytes(), body.filename)
    plan = plan_of(body, deps.site.timezone)
    check(plan, table.columns)
    problems: list[Problem] = []
    devices: dict[str, None] = {}
    readings = rejected = 0
    first_ms, last_ms = 1 << 62, -1
    for outcome in convert(table.rows, plan, frozenset(registry.devices)):
        if isinstance(outcome, Problem):
            rejected += 1
            problems += [outcome] if len(problems) < PROBLEMS_TOLD else []
            continue
        readings += 1
        reading = outcome[1]
        devices[reading.device_id] = None
        first_ms, last_ms = min(first_ms, reading.ts_ms), max(last_ms, reading.ts_ms)
    return ImportPreview(
        rows=readings + rejected,
        readings=readings,
        rejected=rejected,
        problems=[RowProblem(**problem._asdict()) for problem in problems],
        devices=list(islice(devices, _DEVICES_TOLD)),
        device_count=len(devices),
        start=moment(first_ms) if readings else None,
        end=moment(last_ms) if readings else None,
    )


@router.post("/reading-imports", status_code=201, summary="Import in the background")
def start(body: PlannedImport, deps: DepsHere, caller: Caller, idempotency_key: IdempotencyKey = None) -> ImportOut:
    """Sound rows are taken, the others told. Repeating it does no harm: same device, metric and time, last value stands."""
    _uploaded(deps, body.upload)
    plan = plan_of(body, deps.site.timezone)

    def create() -> ImportOut:
        now = deps.now()
        planned = {**asdict(plan), "upload": body.upload}
        made = deps.incoming.imports.create(body.filename, planned, by=caller.username, now=now)
        deps.audit.append(now, caller.username, "import.start", str(made.id), made.filename)
        deps.incoming.wake()
        return _shown(made)

    key = request_key(idempotency_key, who=caller.username, route="reading-imports", body=body)
    return once(deps, key, create, ImportOut)


@router.get("/reading-imports", summary="Imports, newest first")
def list_imports(deps: DepsHere) -> Page[ImportOut]:
    return Page(items=[_shown(one) for one in deps.incoming.imports.list()])


@router.get("/reading-imports/{import_id}", summary="One import: how far it is, which rows were refused")
def get_import(import_id: EntityId, deps: DepsHere) -> ImportOut:
    return _shown(deps.incoming.imports.get(import_id))


def plan_of(body: ImportPlan, timezone: str) -> Plan:
    fields = body.model_dump(include=set(ImportPlan.model_fields))
    return Plan(**{**fields, "timezone": body.timezone or timezone})


def _described(deps: Deps, name: str, data: bytes, filename: str) -> UploadOut:
    table = open_table(data, filename)
    first = [row.cells for row in islice(table.rows, FIRST_ROWS)]
    plan = guess(table.columns, timezone=deps.site.timezone)
    told = None if plan is None else ImportPlan(**asdict(plan))
    return UploadOut(id=name, filename=filename, columns=list(table.columns), first_rows=first, plan=told)


def _keep(deps: Deps, name: str, data: bytes) -> None:
    """Uploads that nobody imported for a day go."""
    directory = deps.incoming.directory / "uploads"
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        oldest_s = (deps.now() - _UPLOAD_KEPT).timestamp()
        for path in directory.iterdir():
            if path.stat().st_mtime < oldest_s:
                path.unlink(missing_ok=True)
        partial = directory / f"{name}.{os.getpid()}.partial"
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(directory / name)
    except OSError as error:
        raise DependencyFailed(f"the upload cannot be kept in {directory}: {error.strerror}", transient=True) from None


def _uploaded(deps: Deps, name: str) -> Path:
    path = deps.incoming.directory / "uploads" / name
    if len(name) != 64 or not name.isalnum() or not path.is_file():
        raise NotFound("the upload is no longer there (kept for a day); upload the file again")
    return path


def _shown(one: ReadingImport) -> ImportOut:
    names = ("id", "filename", "state", "created_at", "created_by", "finished_at", "rows_total", "rows_done", "rows_rejected")
    fields = {name: getattr(one, name) for name in names}
    problems = [RowProblem(row=row, column=column, message=why) for row, column, why in one.errors]
    return ImportOut(**fields, readings=one.readings, problems=problems)
