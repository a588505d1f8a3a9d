"""Depreciation by month, straight line, in whole cents: what an asset was worth, what is written off, what is left.

After the Government Accounting Standard No. 3 (fixed assets): the month in which an asset enters the books is depreciated, the
month in which it leaves them is not, and depreciation ends when the residual value is reached.
"""

from dataclasses import dataclass
from datetime import date

from devices.asset import Asset, DepreciationMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """In cents; `month_cents` is the depreciation of the month itself, `net_cents` = original - accumulated."""

    original_cents: int
    month_cents: int
    accumulated_cents: int

    @property
    def net_cents(self) -> int:
        return self.original_cents - self.accumulated_cents


NOTHING = Value(original_cents=0, month_cents=0, accumulated_cents=0)


def value_at(asset: Asset, month: date) -> Value | None:
    """At the end of the month of that day; None where the asset is not on the books then."""
    if not on_books(asset, month):
        return None
    accumulated = _accumulated_cents(asset, months_charged(asset, month))
    before = _accumulated_cents(asset, months_charged(asset, month) - 1)
    return Value(original_cents=asset.price_cents, month_cents=accumulated - before, accumulated_cents=accumulated)


def on_books(asset: Asset, month: date) -> bool:
    """From the month of acceptance until the month before it is written off."""
    if asset.accepted_on is None or month_number(asset.accepted_on) > month_number(month):
        return False
    return asset.written_off_on is None or month_number(asset.written_off_on) > month_number(month)


def months_charged(asset: Asset, month: date) -> int:
    """How many months of its life are used up at the end of that month; may exceed the life."""
    assert asset.accepted_on is not None
    return month_number(month) - month_number(asset.accepted_on) + 1


def residual_cents(asset: Asset) -> int:
    return round(asset.price_cents * asset.residual_rate)


def month_number(day: date) -> int:
    return day.year * 12 + day.month - 1


def total(values: list[Value]) -> Value:
    return Value(
        original_cents=sum(value.original_cents for value in values),
        month_cents=sum(value.month_cents for value in values),
        accumulated_cents=sum(value.accumulated_cents for value in values),
    )


def _accumulated_cents(asset: Asset, months: int) -> int:
    """Rounded on the sum and not on the month, so that the months add up to the cent over the whole life."""
    if asset.method is DepreciationMethod.NONE or asset.life_months <= 0 or months <= 0:
        return 0
    worn = asset.price_cents - residual_cents(asset)
    return worn * min(months, asset.life_months) // asset.life_months
