"""The ledger as a table: the columns of its exports, and the same columns read back as new assets."""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date

from pydantic import ValidationError

from api import schemas_assets as shapes
from api.assets import money, new_asset
from api.deps import Deps
from api.sheet_rows import Problem, Said, cells_of, checked, headings, resolve_place, times_off
from api.sheets import Cell
from devices.asset import Acquisition, Asset, AssetLogEntry, AssetState, Condition, DepreciationMethod
from devices.errors import BadInput
from devices.registry import Registry
from ingest.tables import Table
from maintenance.asset_machine import register
from maintenance.depreciation import value_at
from storage.user import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`key` is the name in the API; `read` false: only exported."""

    key: str
    zh: str
    en: str
    read: bool = True


COLUMNS: tuple[Column, ...] = (
    Column(key="tag", zh="资产编号", en="Asset number"),
    Column(key="class_code", zh="分类代码", en="Class code"),
    Column(key="class_name", zh="分类名称", en="Class"),
    Column(key="name_zh", zh="资产名称", en="Name (Chinese)"),
    Column(key="name", zh="英文名称", en="Name"),
    Column(key="model", zh="规格型号", en="Model"),
    Column(key="serial", zh="出厂编号", en="Serial number"),
    Column(key="manufacturer", zh="生产厂家", en="Maker"),
    Column(key="supplier", zh="供应商", en="Supplier"),
    Column(key="acquired", zh="取得方式", en="Came by"),
    Column(key="purchased_on", zh="购置日期", en="Bought on"),
    Column(key="price", zh="原值", en="Price"),
    Column(key="document", zh="凭证号", en="Document"),
    Column(key="accepted_on", zh="验收日期", en="Accepted on"),
    Column(key="warranty_until", zh="保修截止", en="Warranty until"),
    Column(key="life_months", zh="使用年限(月)", en="Service life (months)"),
    Column(key="method", zh="折旧方法", en="Depreciation"),
    Column(key="residual_rate", zh="残值率", en="Residual share"),
    Column(key="space_id", zh="存放地点", en="Place"),
    Column(key="custodian", zh="保管人", en="Answers for it"),
    Column(key="remark", zh="备注", en="Remark"),
    Column(key="state", zh="状态", en="State", read=False),
    Column(key="condition", zh="完好情况", en="Condition", read=False),
    Column(key="device_id", zh="设备编号", en="Device", read=False),
    Column(key="accumulated", zh="累计折旧", en="Depreciated", read=False),
    Column(key="net", zh="净值", en="Net value", read=False),
    Column(key="written_off_on", zh="核销日期", en="Written off on", read=False),
)

_ZH: dict[str, str] = {
    AssetState.PURCHASED: "待验收",
    AssetState.IN_STORE: "在库",
    AssetState.IN_USE: "在用",
    AssetState.ON_LOAN: "借出",
    AssetState.UNDER_REPAIR: "维修中",
    AssetState.SCRAPPING_REQUESTED: "申请报废",
    AssetState.SCRAPPED: "已报废",
    AssetState.DISPOSED: "已处置",
    AssetState.MISSING: "盘亏",
    AssetState.VOIDED: "作废",
    Condition.GOOD: "完好",
    Condition.POOR: "不完好",
    Acquisition.PURCHASE: "购置",
    Acquisition.DONATION: "接受捐赠",
    Acquisition.ALLOCATION: "调拨",
    Acquisition.BUILT: "自建",
    Acquisition.SURPLUS: "盘盈",
    DepreciationMethod.STRAIGHT_LINE: "年限平均法",
    DepreciationMethod.NONE: "不计提",
}
_WORD_OF = {zh: word for word, zh in _ZH.items()}


def header(lang: str) -> list[str]:
    return [column.zh if lang.startswith("zh") else column.en for column in COLUMNS]


def rows(assets: Iterable[Asset], month: date, lang: str) -> Iterable[list[Cell]]:
    """Places by their id, so that the table can be brought in again."""
    for asset in assets:
        yield [_cell(asset, column.key, month, lang) for column in COLUMNS]


def _cell(asset: Asset, key: str, month: date, lang: str) -> Cell:
    computed: dict[str, Callable[[], Cell]] = {
        "price": lambda: money(asset.price_cents),
        "accumulated": lambda: money(value.accumulated_cents) if (value := value_at(asset, month)) else None,
        "net": lambda: money(value.net_cents) if (value := value_at(asset, month)) else None,
    }
    if key in computed:
        return computed[key]()
    found: Cell = getattr(asset, key)
    if lang.startswith("zh") and isinstance(found, str) and key in {"state", "condition", "acquired", "method"}:
        return _ZH.get(found, found)
    return str(found) if isinstance(found, date) else found


NewAssets = list[tuple[Asset, AssetLogEntry]]


def read_assets(deps: Deps, registry: Registry, user: User, table: Table) -> Said[NewAssets]:
    """New assets of the table's rows; what is in the ledger already is left out. Nothing is stored."""
    keys = headings(table.columns, {name: column.key for column in COLUMNS for name in (column.key, column.zh, column.en)})
    taken, said = deps.assets.tags(), Said[NewAssets](things=[])
    in_file: set[str] = set()
    for row in table.rows:
        said.rows += 1
        cells = {key: cell for key, cell in cells_of(row, keys).items() if key not in _UNREAD}
        try:
            given = _given(cells, registry, in_file)
            if given.tag in taken:
                said.skipped += 1
                continue
            said.things.append(register(new_asset(deps, registry, user, given), deps.now()))
        except (Problem, BadInput) as problem:
            said.errors += checked(row.number, problem, keys)
            continue
        in_file.add(given.tag or "")
        said.show(row, keys)
    return said


_UNREAD = {column.key for column in COLUMNS if not column.read}


def _given(cells: Mapping[str, str], registry: Registry, in_file: AbstractSet[str]) -> shapes.AssetIn:
    """Raises Problem or BadInput."""
    fields: dict[str, str] = dict(cells)
    for key in ("purchased_on", "accepted_on", "warranty_until"):
        if key in fields:
            fields[key] = times_off(fields[key])
    for key in ("acquired", "method"):
        if key in fields:
            fields[key] = _WORD_OF.get(fields[key], fields[key].lower())
    found: list[tuple[str, str]] = []
    if "space_id" in fields:
        try:
            fields["space_id"] = resolve_place(registry, fields["space_id"])
        except Problem as problem:
            found += problem.found
    if fields.get("tag", "").strip().upper() in in_file - {""}:
        found.append(("tag", f"{fields['tag']} stands in the file twice"))
    try:
        given = shapes.AssetIn.model_validate({"class_code": "", **fields})
    except ValidationError as error:
        raise Problem([*found, *((str(one["loc"][0]), str(one["msg"])) for one in error.errors())]) from None
    if found:
        raise Problem(found)
    return given
