"""What the simulated school owns: an asset for each device, furniture and equipment of its rooms; what became of some of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from devices.asset import Asset, AssetEvent
from devices.asset_classes import asset_class
from devices.model import FIRE_KINDS, Device, DeviceKind, Space, SpaceKind, UseType
from simulators.campus import Campus, stream

KEEPER, HEAD = "dispatcher", "head"
"""Who asks and who approves; users of the demo."""

_CUSTODIANS = {
    UseType.DORMITORY: "吴宿管",
    UseType.TEACHING: "刘教务",
    UseType.LABORATORY: "陈实验员",
    UseType.CANTEEN: "马经理",
    UseType.LIBRARY: "许馆员",
}
_OPENED = date(2019, 9, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Something that happened to an asset so many days ago."""

    event: AssetEvent
    days_ago: int
    actor: str = KEEPER
    note: str = ""
    space_id: str | None = None
    custodian: str = ""
    due_in_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """`asset` as it was registered, and its moves in their order."""

    asset: Asset
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """`yuan`: about what one costs. `key` makes its tags; the year of purchase and a number follow."""

    key: str
    class_code: str
    name: str
    name_zh: str
    model: str
    yuan: int


_DEVICES: dict[str, _Model] = {
    "em": _Model(key="EM", class_code="A02100000", name="Electricity meter", name_zh="电能表", model="DTSY1352", yuan=680),
    "wm": _Model(key="WM", class_code="A02100000", name="Water meter", name_zh="水表", model="LXSY-25E", yuan=420),
    "door": _Model(key="DC", class_code="A02010300", name="Door controller", name_zh="门禁控制器", model="DS-K2604", yuan=1850),
    "fire": _Model(key="FD", class_code="A02100000", name="Fire detector", name_zh="消防探测器", model="JTY-GD-G3", yuan=160),
}
_OF_KIND = {DeviceKind.ELECTRICITY_METER: "em", DeviceKind.WATER_METER: "wm", DeviceKind.DOOR_CONTROLLER: "door"}
_BED = _Model(key="BED", class_code="A05010103", name="Bunk bed with desk", name_zh="公寓床", model="GY-02", yuan=1260)
_AIR = _Model(key="AC", class_code="A02061804", name="Air conditioner", name_zh="空调机", model="KFR-72LW", yuan=5900)
_PROJECTOR = _Model(key="PJ", class_code="A02020200", name="Projector", name_zh="投影仪", model="CB-X06", yuan=3400)
_BENCH = _Model(key="LB", class_code="A05010203", name="Laboratory bench", name_zh="实验台", model="SY-1500", yuan=2300)
_CABINET = _Model(key="FC", class_code="A05010502", name="Filing cabinet", name_zh="文件柜", model="WJ-900", yuan=760)
_TELEVISION = _Model(key="TV", class_code="A02091001", name="Menu screen", name_zh="菜单电视机", model="55E3", yuan=2600)
_LAPTOP = _Model(key="NB", class_code="A02010108", name="Portable computer", name_zh="便携式计算机", model="NB14", yuan=5200)
_FURNITURE = {
    UseType.DORMITORY: (_BED, _BED),
    UseType.TEACHING: (_PROJECTOR, _AIR),
    UseType.LABORATORY: (_BENCH, _BENCH, _AIR),
    UseType.CANTEEN: (_TELEVISION,),
    UseType.LIBRARY: (_CABINET, _CABINET),
}
_ON_TRIAL = 3
"""Portable computers that were delivered and wait to be accepted."""


def belongings(campus: Campus, today: date) -> list[Owned]:
    """By tag; the same for the same seed and day."""
    rng = stream(campus.seed, "belongings")
    ledger = _Ledger(rng, today)
    for device in campus.devices:
        name = "fire" if device.kind in FIRE_KINDS else _OF_KIND.get(device.kind)
        if name is not None:
            ledger.add(_DEVICES[name], campus.registry.spaces[device.space_id], device)
    for space in campus.spaces:
        if space.kind is SpaceKind.ROOM:
            for model in _FURNITURE.get(space.use, ()):
                ledger.add(model, space)
    for _ in range(_ON_TRIAL):
        ledger.add(_LAPTOP, campus.registry.spaces[campus.site_id], bought=today - timedelta(days=6), accepted=False)
    return sorted(_with_stories(ledger.assets, campus), key=lambda owned: owned.asset.tag)


class _Ledger:
    def __init__(self, rng: np.random.Generator, today: date) -> None:
        self._rng = rng
        self._today = today
        self._counts: dict[str, int] = {}
        self.assets: list[Asset] = []

    def add(
        self, model: _Model, space: Space, device: Device | None = None, *, bought: date | None = None, accepted: bool = True
    ) -> None:
        age = (self._today - _OPENED).days
        bought = bought or self._today - timedelta(days=int(self._rng.integers(120, max(age, 121))))
        key = f"{model.key}-{bought.year}"
        self._counts[key] = self._counts.get(key, 0) + 1
        known = asset_class(model.class_code)
        at = datetime.combine(bought, time(3), tzinfo=UTC)
        named = (device.name, device.name_zh) if device else (model.name, model.name_zh)
        self.assets.append(
            Asset(
                tag=f"{key}-{self._counts[key]:04d}",
                class_code=model.class_code,
                class_name=known.name_zh if known else "",
                name=named[0],
                name_zh=named[1],
                created_at=at,
                updated_at=at,
                created_by=KEEPER,
                model=model.model,
                serial=f"{self._rng.integers(10**9, 10**10)}",
                purchased_on=bought,
                price_cents=int(model.yuan * 100 * self._rng.uniform(0.92, 1.08)) // 100 * 100,
                document=f"HT{bought.year}-{self._rng.integers(1, 400):03d}",
                accepted_on=bought + timedelta(days=4) if accepted else None,
                accepted_by=KEEPER if accepted else "",
                warranty_until=bought + timedelta(days=3 * 365),
                life_months=known.life_months if known else 0,
                space_id=space.id,
                custodian=_CUSTODIANS.get(space.use, "郑主任") if accepted else "",
                device_id=device.id if device else None,
            )
        )


def _with_stories(assets: Iterable[Asset], campus: Campus) -> Iterator[Owned]:
    """The oldest thing of a class is the one that breaks; what happens is the same for every seed."""
    oldest = sorted(assets, key=lambda asset: (asset.purchased_on or _OPENED, asset.tag))
    waiting: dict[str, list[tuple[Move, ...]]] = {}
    for key, moves in _stories(campus):
        waiting.setdefault(key, []).append(moves)
    for asset in oldest:
        stories = waiting.get(asset.tag.partition("-")[0])
        yield Owned(asset=asset, moves=stories.pop(0) if stories and asset.accepted_on else ())


def _stories(campus: Campus) -> list[tuple[str, tuple[Move, ...]]]:
    """Per key of a model: approved and waiting transfers, repairs, scrapping, a loan that is overdue."""
    event, hall = AssetEvent, "teach-2-101"
    scrap = Move(
        event=event.REQUEST_SCRAPPING,
        days_ago=50,
        note="灯泡和主板都坏了，修比买还贵 lamp and main board dead, repair dearer than a new one",
    )
    transfer = Move(event=event.REQUEST_TRANSFER, days_ago=34, note="教室翻新 room is refurbished", space_id=hall)
    repair = Move(event=event.SEND_TO_REPAIR, days_ago=9, note="不制冷，压缩机跳停 does not cool, compressor trips")
    approved = Move(event=event.APPROVE, days_ago=33, actor=HEAD)
    return [
        (
            "PJ",
            (scrap, replace(approved, days_ago=45), Move(event=event.DISPOSE, days_ago=20, note="回收单 0417 recycler's receipt")),
        ),
        ("PJ", (replace(scrap, days_ago=4, note="画面发黄 picture has gone yellow"),)),
        ("PJ", (transfer, approved)),
        ("PJ", (replace(transfer, days_ago=3),)),
        ("PJ", (Move(event=event.LEND, days_ago=40, note="开放日 open day", custodian="陈同学", due_in_days=-12),)),
        ("AC", (repair,)),
        ("AC", (replace(repair, days_ago=2, note="风机轴承 fan bearing"),)),
        (
            "AC",
            (replace(repair, days_ago=70), Move(event=event.REPAIRED, days_ago=63, actor="electrician", note="换电容 capacitor")),
        ),
        ("WM", (replace(repair, days_ago=5, note="表屏不亮，已送检定所 display blank, sent to the verification office"),)),
        ("BED", (replace(scrap, days_ago=8, note="床架断裂，无法焊修 frame broken, beyond welding"),)),
        ("FC", (Move(event=event.REQUEST_TRANSFER, days_ago=1, note="档案室搬迁 archive moves", space_id=campus.site_id),)),
    ]
