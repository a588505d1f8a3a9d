"""Tables brought in: assets, spaces and devices. First a look at what they say, row by row; then, by another request, stored."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from api import registry_sheet
from api import schemas_assets as shapes
from api.asset_sheet import read_assets
from api.deps import Caller, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.permissions import owned_spaces
from api.registry_edits import change
from api.sheet_rows import Said
from api.sheets import Format, check_unpacked, download
from devices.editing import Changes
from devices.errors import BadInput
from devices.registry import Registry
from ingest.tables import Table, open_table

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["imports"])

ROWS_MAX = 5000
ERRORS_SHOWN = 200


class Asked(BaseModel):
    filename: str = Field(default="table", max_length=200)
    commit: bool = Field(default=False, description="0: only say what would happen; 1: store it")
    partly: bool = Field(default=False, description="1: store the good rows although others have errors")


class FileWanted(BaseModel):
    format: Format = Format.XLSX
    lang: str | None = Field(default=None, max_length=20)


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_FILE = {"requestBody": {"content": {"text/csv": _BINARY, "application/octet-stream": _BINARY}, "required": True}}


@router.post("/imports/assets", summary="Bring in assets (CSV or Excel)", openapi_extra=_FILE)
def import_assets(
    body: Body, deps: DepsHere, registry: RegistryHere, caller: Caller, asked: Annotated[Asked, Query()]
) -> shapes.ImportOut:
    """The body is the file. Numbers that are in the ledger already are left out; all good rows are stored, or none."""
    said = read_assets(deps, registry, caller, _table(body, asked.filename))
    stored = _may_store(said, asked) and bool(said.things)
    if stored:
        deps.assets.insert_all(said.things)
        deps.audit.append(deps.now(), caller.username, "asset.import", asked.filename, f"{len(said.things)} assets")
    return _told("assets", said, len(said.things), stored=stored)


@router.post("/imports/spaces", summary="Bring in spaces (CSV or Excel)", openapi_extra=_FILE)
def import_spaces(
    body: Body, deps: DepsHere, registry: RegistryHere, caller: Caller, asked: Annotated[Asked, Query()]
) -> shapes.ImportOut:
    """New ones are added, known ones changed by what their row says; nothing is removed."""
    said = registry_sheet.read_spaces(registry, _table(body, asked.filename))
    stored = _may_store(said, asked) and bool(said.things.spaces)
    if stored:
        change(deps, caller, "space.import", asked.filename, _again(registry_sheet.read_spaces, body, asked))
    return _told("spaces", said, len(said.things.spaces), stored=stored)


@router.post("/imports/devices", summary="Bring in devices (CSV or Excel)", openapi_extra=_FILE)
def import_devices(
    body: Body, deps: DepsHere, registry: RegistryHere, caller: Caller, asked: Annotated[Asked, Query()]
) -> shapes.ImportOut:
    """New ones are added, known ones changed by what their row says; nothing is removed."""
    said = registry_sheet.read_devices(registry, _table(body, asked.filename))
    stored = _may_store(said, asked) and bool(said.things.devices)
    if stored:
        change(deps, caller, "device.import", asked.filename, _again(registry_sheet.read_devices, body, asked))
    return _told("devices", said, len(said.things.devices), stored=stored)


@router.get("/exports/spaces", response_class=Response, summary="Spaces as CSV or Excel")
def export_spaces(registry: RegistryHere, caller: Caller, query: Annotated[FileWanted, Query()]) -> Response:
    owned = owned_spaces(caller, registry)
    spaces = [space for root in registry.children(None) for space in registry.within(root.id)]
    rows = registry_sheet.space_rows(space for space in spaces if owned is None or space.id in owned)
    return download(query.format, "spaces", _header(registry_sheet.SPACE_COLUMNS, query.lang or caller.language), rows)


@router.get("/exports/devices", response_class=Response, summary="Devices as CSV or Excel")
def export_devices(registry: RegistryHere, caller: Caller, query: Annotated[FileWanted, Query()]) -> Response:
    owned = owned_spaces(caller, registry)
    rows = registry_sheet.device_rows(device for device in registry.devices.values() if owned is None or device.space_id in owned)
    return download(query.format, "devices", _header(registry_sheet.DEVICE_COLUMNS, query.lang or caller.language), rows)


def _table(body: bytes, filename: str) -> Table:
    check_unpacked(body, filename)
    return open_table(body, filename, rows_max=ROWS_MAX)


def _may_store(said: Said[Any], asked: Asked) -> bool:
    return asked.commit and (asked.partly or not said.errors)


def _again(read: Callable[[Registry, Table], Said[Changes]], body: bytes, asked: Asked) -> Callable[[Registry], Changes]:
    """Looks once more inside the change. Raises BadInput where the registry has changed meanwhile, so that rows fail now."""
    table = _table(body, asked.filename)
    rows = list(table.rows)  # the file is parsed before the change, which nobody else can write beside

    def edit(current: Registry) -> Changes:
        said = read(current, table._replace(rows=iter(rows)))
        if said.errors and not asked.partly:
            first = said.errors[0]
            raise BadInput(first.message, place=f"row {first.row} {first.column}")
        return said.things

    return edit


def _told(kind: str, said: Said[Any], good: int, *, stored: bool) -> shapes.ImportOut:
    return shapes.ImportOut(
        kind=kind,
        rows=said.rows,
        good=good,
        skipped=said.skipped,
        errors=[
            shapes.RowErrorOut(row=error.row, column=error.column, message=error.message) for error in said.errors[:ERRORS_SHOWN]
        ],
        error_count=len(said.errors),
        samples=said.samples,
        stored=stored,
    )


def _header(columns: registry_sheet.Columns, lang: str) -> list[str]:
    return [zh if lang.startswith("zh") else key for key, zh in columns]
