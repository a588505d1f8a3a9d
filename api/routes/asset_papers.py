"""What leaves the ledger on paper or as a file: the depreciation report, exports, sheets of labels."""

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api import asset_sheet, filters
from api import schemas_assets as shapes
from api.assets import today, value_out
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.label_sheet import Label, Sheet, sheet_pdf
from api.permissions import visible_spaces
from api.routes.assets import Wanted, asset_filter
from api.sheets import Cell, Format, download
from devices.asset import PRESENT_STATES, Asset
from devices.asset_classes import asset_class
from devices.errors import BadInput
from devices.model import Space
from devices.registry import Registry
from maintenance.asset_report import GOOD_ORDER_TARGET, Group, course, depreciation, good_order, whole
from storage.asset_store import AssetFilter
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["assets"])

MONTH = r"^(19|20)\d\d-(0[1-9]|1[0-2])$"
BY = "class|category|building"


class Reported(BaseModel):
    month: str | None = Field(default=None, pattern=MONTH, description="such as 2026-11; default: this month")
    by: str = Field(default="class", pattern=f"^({BY})$", description=BY)
    space: str | None = Field(default=None, max_length=100, description=filters.IN_SPACE)
    class_code: str | None = Field(default=None, max_length=9, pattern=r"^A\d*$")


class ReportFile(Reported):
    format: Format = Format.XLSX
    lang: str | None = Field(default=None, max_length=20)


class ExportFile(Wanted):
    format: Format = Format.XLSX
    lang: str | None = Field(default=None, max_length=20, description="of the column names: zh-CN or en; default: the caller's")


class LabelSize(BaseModel):
    """On A4, without gaps."""

    width_mm: float = Field(default=70, ge=30, le=210)
    height_mm: float = Field(default=37, ge=15, le=297)
    skip: int = Field(default=0, ge=0, le=300, description="places of the first sheet that are used up")
    border: bool = True
    lang: str | None = Field(default=None, max_length=20)


class AssetLabels(Wanted, LabelSize):
    tags: str | None = Field(
        default=None, max_length=20000, description="comma-separated numbers; default: all that fit the filter"
    )


class SpaceLabels(LabelSize):
    space: str | None = Field(default=None, max_length=100, description=filters.IN_SPACE)
    kind: str | None = Field(default=None, pattern="^(building|floor|room)$")


@router.get("/assets/report", summary="Depreciation of a month, and the share in good order")
def report(deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[Reported, Query()]) -> shapes.AssetReport:
    assets, month = _assets_of(deps, registry, caller, query), _month(deps, query.month)
    groups = depreciation(assets, month, _key(query.by, registry))
    order, day = good_order(assets), today(deps)
    return shapes.AssetReport(
        month=f"{month:%Y-%m}",
        by=query.by,
        items=[_group(group, query.by, registry) for group in groups],
        total=_group(whole(groups), "", registry),
        months=[shapes.MonthValue(month=f"{one:%Y-%m}", value=value_out(value)) for one, value in course(assets, month)],
        good_order=shapes.GoodOrderOut(good=order.good, total=order.total, share=order.share, target=GOOD_ORDER_TARGET),
        warranty_soon=sum(_warranty_ends(asset, day) for asset in assets),
        waiting=sum(asset.pending is not None for asset in assets),
        currency=deps.site.currency,
    )


@router.get("/assets/report/file", response_class=Response, summary="The depreciation report as CSV or Excel")
def report_file(deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[ReportFile, Query()]) -> Response:
    month, chinese = _month(deps, query.month), (query.lang or caller.language).startswith("zh")
    groups = depreciation(_assets_of(deps, registry, caller, query), month, _key(query.by, registry))
    header = ["编号", "名称", "数量", "原值", "本月折旧", "累计折旧", "净值"] if chinese else _REPORT_HEADER
    lines = [_group(group, query.by, registry) for group in groups] + [_group(whole(groups), "", registry)]
    rows: list[list[Cell]] = [
        [
            line.key,
            line.name_zh if chinese else line.name,
            line.count,
            line.value.original,
            line.value.month,
            line.value.accumulated,
            line.value.net,
        ]
        for line in lines
    ]
    return download(query.format, f"depreciation-{month:%Y-%m}", header, rows)


_REPORT_HEADER = ["Key", "Name", "Count", "Original value", "Depreciation of the month", "Accumulated", "Net value"]


@router.get("/assets/export", response_class=Response, summary="The ledger as CSV or Excel")
def export(deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[ExportFile, Query()]) -> Response:
    """The same filters as the list; the same columns can be brought in again."""
    lang, month = query.lang or caller.language, today(deps)
    assets = deps.assets.list(asset_filter(caller, registry, query))
    return download(query.format, f"assets-{month.isoformat()}", asset_sheet.header(lang), asset_sheet.rows(assets, month, lang))


@router.get("/assets/labels.pdf", response_class=Response, summary="Labels of assets")
def asset_labels(
    request: Request, deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[AssetLabels, Query()]
) -> Response:
    assets = deps.assets.list(asset_filter(caller, registry, query))
    if query.tags is not None:
        wanted = {tag.strip().upper() for tag in query.tags.split(",")}
        assets = [asset for asset in assets if asset.tag in wanted]
    chinese, base = (query.lang or caller.language).startswith("zh"), _base(deps, request)
    labels = [
        Label(
            address=f"{base}/a/{asset.tag}",
            title=asset.name_zh if chinese else asset.name,
            lines=(asset.tag, asset.model, asset.class_name, _place(registry, asset.space_id, chinese=chinese)),
        )
        for asset in assets
    ]
    return _pdf(deps, labels, query, f"{deps.site.name_zh} 固定资产" if chinese else deps.site.name, "asset-labels")


@router.get("/space-labels.pdf", response_class=Response, summary="Labels of places: scan to report a fault")
def space_labels(
    request: Request, deps: DepsHere, registry: RegistryHere, caller: Caller, query: Annotated[SpaceLabels, Query()]
) -> Response:
    allowed, chinese = visible_spaces(caller, registry), (query.lang or caller.language).startswith("zh")
    if query.space is not None and query.space not in registry.spaces:
        raise BadInput(f"there is no space {query.space!r}", place="space")
    roots = [query.space] if query.space else [space.id for space in registry.children(None)]
    spaces = [
        space
        for root in roots
        for space in registry.within(root)
        if (allowed is None or space.id in allowed) and (query.kind is None or space.kind == query.kind)
    ]
    said = "扫码报修" if chinese else "Scan to report a fault"
    labels = [_space_label(registry, space, _base(deps, request), said, chinese=chinese) for space in spaces]
    return _pdf(deps, labels, query, deps.site.name_zh if chinese else deps.site.name, "place-labels")


def _space_label(registry: Registry, space: Space, base: str, said: str, *, chinese: bool) -> Label:
    title = space.name_zh if chinese else space.name
    return Label(address=f"{base}/report/{space.id}", title=title, lines=(said, _place(registry, space.id, chinese=chinese)))


def _pdf(deps: Deps, labels: list[Label], size: LabelSize, heading: str, name: str) -> Response:
    sheet = Sheet(width_mm=size.width_mm, height_mm=size.height_mm, skip=size.skip, border=size.border)
    body = sheet_pdf(labels, sheet, font=deps.label_font, heading=heading)
    return Response(body, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}.pdf"'})


def _base(deps: Deps, request: Request) -> str:
    return deps.base_url or str(request.base_url).rstrip("/")


def _place(registry: Registry, space_id: str | None, *, chinese: bool) -> str:
    if space_id is None or space_id not in registry.spaces:
        return ""
    steps = registry.path(space_id)[1:] or registry.path(space_id)
    return " › ".join(step.name_zh if chinese else step.name for step in steps)


def _assets_of(deps: Deps, registry: Registry, user: User, query: Reported) -> list[Asset]:
    wanted: AssetFilter = asset_filter(user, registry, Wanted(space=query.space, class_code=query.class_code))
    return deps.assets.list(wanted)


def _month(deps: Deps, told: str | None) -> date:
    if told is None:
        return today(deps).replace(day=1)
    return date(int(told[:4]), int(told[5:]), 1)


def _key(by: str, registry: Registry) -> Callable[[Asset], str]:
    def building(asset: Asset) -> str:
        found = registry.building(asset.space_id) if asset.space_id in registry.spaces else None
        return found.id if found else ""

    return {"class": lambda asset: asset.class_code, "category": lambda asset: asset.class_code[:3], "building": building}[by]


def _group(group: Group, by: str, registry: Registry) -> shapes.ReportGroup:
    name, name_zh = _named(group.key, by, registry)
    return shapes.ReportGroup(key=group.key, name=name, name_zh=name_zh, count=group.count, value=value_out(group.value))


def _named(key: str, by: str, registry: Registry) -> tuple[str, str]:
    if by == "":
        return "Total", "合计"
    if by == "building":
        space = registry.spaces.get(key)
        return (space.name, space.name_zh) if space else ("No building", "未定位置")
    found = asset_class(key)
    return (found.name, found.name_zh) if found else (key, key)


def _warranty_ends(asset: Asset, day: date) -> bool:
    """Within 90 days."""
    return asset.state in PRESENT_STATES and asset.warranty_until is not None and 0 <= (asset.warranty_until - day).days <= 90
