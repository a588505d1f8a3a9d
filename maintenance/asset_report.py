"""The ledger in sums: what a month's depreciation is by class, category or building, and how much is in good order. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from devices.asset import PRESENT_STATES, Asset, Condition
from maintenance.depreciation import NOTHING, Value, total, value_at

GOOD_ORDER_TARGET = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """`key` is what was grouped by; `count` how many assets are on the books."""

    key: str
    count: int
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodOrder:
    good: int
    total: int

    @property
    def share(self) -> float | None:
        """None where there is nothing."""
        return self.good / self.total if self.total else None


def depreciation(assets: Iterable[Asset], month: date, key: Callable[[Asset], str]) -> list[Group]:
    """By key; only what is on the books at the end of that month. The groups add up to the whole."""
    found: dict[str, list[Value]] = defaultdict(list)
    for asset in assets:
        value = value_at(asset, month)
        if value is not None:
            found[key(asset)].append(value)
    return [Group(key=one, count=len(values), value=total(values)) for one, values in sorted(found.items())]


def whole(groups: Sequence[Group]) -> Group:
    return Group(key="", count=sum(group.count for group in groups), value=total([group.value for group in groups]))


def months_until(month: date, count: int) -> list[date]:
    """The first days of `count` months, the last one that of `month`; oldest first."""
    number = month.year * 12 + month.month - 1
    return [date(*_year_month(one), 1) for one in range(max(number - count + 1, 12), number + 1)]


def course(assets: Sequence[Asset], month: date, count: int = 12) -> list[tuple[date, Value]]:
    """The whole ledger's value at the end of each of the last months."""
    return [
        (one, total([value for asset in assets if (value := value_at(asset, one)) is not None]) or NOTHING)
        for one in months_until(month, count)
    ]


def good_order(assets: Iterable[Asset]) -> GoodOrder:
    """Of what the school has and may use: what is under repair or judged poor is not in good order."""
    present = [asset for asset in assets if asset.state in PRESENT_STATES]
    good = sum(asset.condition is Condition.GOOD for asset in present)
    return GoodOrder(good=good, total=len(present))


def _year_month(number: int) -> tuple[int, int]:
    return number // 12, number % 12 + 1
