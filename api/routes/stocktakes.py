"""Stocktakes: opened over a building or a class, counted by phone, closed with their report, the ledger corrected with approval."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import schemas
from api import schemas_assets as shapes
from api.deps import Caller, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.paging import EntityId
from api.routes.table_imports import FileWanted
from api.sheets import Cell, download
from api.stocktakes import correct, count, enter_surplus, line_out, may_see_stocktake, open_stocktake, shown, stocktake_for
from devices.asset import CountResult
from maintenance.stocktake import closed, tally

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["stocktakes"])


@router.get("/stocktakes", summary="Stocktakes, newest first")
def list_stocktakes(deps: DepsHere, registry: RegistryHere, caller: Caller) -> schemas.Page[shapes.StocktakeOut]:
    found = [campaign for campaign in deps.stocktakes.list() if may_see_stocktake(caller, registry, campaign)]
    return schemas.Page(items=[shown(deps, registry, campaign) for campaign in found[:100]])


@router.post("/stocktakes", status_code=201, summary="Open a stocktake")
def open_one(body: shapes.StocktakeIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.StocktakeOut:
    """What the ledger says should be there now is what will be looked for."""
    return shown(deps, registry, open_stocktake(deps, registry, caller, body))


@router.get("/stocktakes/{stocktake_id}", summary="One stocktake with its lines")
def get_stocktake(stocktake_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.StocktakeDetail:
    campaign = stocktake_for(deps, registry, caller, stocktake_id)
    lines = deps.stocktakes.lines(campaign.id)
    return shapes.StocktakeDetail(
        **dict(shown(deps, registry, campaign, lines)), lines=[line_out(registry, line) for line in lines]
    )


@router.post("/stocktakes/{stocktake_id}/count", summary="Count one thing")
def count_one(
    stocktake_id: EntityId, body: shapes.CountIn, deps: DepsHere, registry: RegistryHere, caller: Caller
) -> shapes.CountedOut:
    """May be sent again and again: the last count of a thing stands."""
    campaign = stocktake_for(deps, registry, caller, stocktake_id)
    line = count(deps, registry, caller, campaign, body)
    return shapes.CountedOut(line=line_out(registry, line), counts=tally(deps.stocktakes.lines(campaign.id)))


@router.post("/stocktakes/{stocktake_id}/close", summary="End the counting")
def close(stocktake_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.StocktakeOut:
    """What nobody has found is missing."""
    campaign = stocktake_for(deps, registry, caller, stocktake_id)
    ended, missing = closed(campaign, deps.stocktakes.lines(campaign.id), caller.username, deps.now())
    deps.stocktakes.close(ended, missing)
    deps.audit.append(deps.now(), caller.username, "stocktake.close", str(campaign.id), f"{len(missing)} missing")
    return shown(deps, registry, ended)


@router.post("/stocktakes/{stocktake_id}/correct", summary="Ask for the ledger to be corrected")
def ask_corrections(
    stocktake_id: EntityId,
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
    body: shapes.CorrectIn | None = None,
) -> shapes.CorrectOut:
    """Each loss and each other place becomes a request at its asset, which another person approves or refuses."""
    campaign = stocktake_for(deps, registry, caller, stocktake_id)
    return correct(deps, registry, caller, campaign, body.line_ids if body else None)


@router.post("/stocktakes/{stocktake_id}/lines/{line_id}/enter", status_code=201, summary="Enter a surplus into the ledger")
def enter(
    stocktake_id: EntityId,
    line_id: EntityId,
    body: shapes.SurplusIn,
    deps: DepsHere,
    registry: RegistryHere,
    caller: Caller,
) -> shapes.AssetPlace:
    """It waits until another person accepts it."""
    campaign = stocktake_for(deps, registry, caller, stocktake_id)
    asset = enter_surplus(deps, caller, campaign, line_id, body)
    return shapes.AssetPlace(tag=asset.tag, name=asset.name, name_zh=asset.name_zh, space_id=asset.space_id)


@router.get("/stocktakes/{stocktake_id}/file", response_class=Response, summary="The lines as CSV or Excel")
def lines_file(
    stocktake_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[FileWanted, Query()]
) -> Response:
    campaign = stocktake_for(deps, registry, caller, stocktake_id)
    chinese = (query.lang or caller.language).startswith("zh")
    header = ["资产编号", "名称", "账面地点", "实际地点", "盘点结果", "盘点人", "盘点时间", "说明", "处理"] if chinese else _HEADER
    rows: list[list[Cell]] = [
        [
            line.tag,
            line.name_zh if chinese else line.name,
            line.expected_space_id,
            line.found_space_id,
            _ZH[line.result] if chinese else line.result.value,
            line.counted_by,
            line.counted_at.astimezone(deps.site.zone).isoformat(timespec="minutes") if line.counted_at else None,
            line.note,
            line.correction.value,
        ]
        for line in deps.stocktakes.lines(campaign.id)
    ]
    return download(query.format, f"stocktake-{campaign.id}", header, rows)


_HEADER = ["Asset number", "Name", "Place in the ledger", "Place found", "Result", "Counted by", "Counted at", "Note", "Correction"]
_ZH = {
    CountResult.NOT_COUNTED: "未盘",
    CountResult.FOUND: "账实相符",
    CountResult.ELSEWHERE: "地点不符",
    CountResult.MISSING: "盘亏",
    CountResult.SURPLUS: "盘盈",
}
