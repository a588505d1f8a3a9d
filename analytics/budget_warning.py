"""A budget that will not do, told as a finding while something can still be done about it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from analytics.budget import Budget, Measure
from analytics.finding import Evidence, Finding, FindingKind
from analytics.outlook import Outlook, OutlookDay

METRIC = "budget"
"""What its picture shows: used since the period began, beside the plan."""


def warning(budget: Budget, stands: Outlook, space_id: str, unit: str, now: datetime, zone: ZoneInfo) -> Finding:
    """`unit`: the currency, or kWh and m3. Stands in for a device: `budget-<id>`."""
    over = max((stands.expected if stands.expected is not None else stands.used) - budget.amount, 0.0)
    spent = stands.used > budget.amount
    if spent:
        message = (
            "Overspent since %(day)s: %(used)s of %(amount)s %(unit)s are used, by the end of the period about %(over)s %(unit)s "
            "too much"
        )
    else:
        message = (
            "Will be overspent on %(day)s, by the end of the period by about %(over)s %(unit)s: %(used)s of %(amount)s %(unit)s "
            "are used, by the plan it would be %(plan)s"
        )
    return Finding(
        kind=FindingKind.ENERGY_BUDGET,
        device_id=device_of(budget),
        space_id=space_id,
        active=True,
        score=min(0.5 + over / budget.amount, 1.0),
        started=now,
        seen=now,
        message=message,
        facts={
            "day": (stands.over_on or budget.end_day).isoformat(),
            "over": rounded(over),
            "amount": round(budget.amount, 1),
            "used": round(stands.used, 1),
            "plan": round(stands.plan_to_date, 1),
            "unit": "m³" if unit == "m3" else unit,
            "budget": budget.id,
            "quantity": budget.quantity,
            "money": "yes" if budget.measure is Measure.MONEY else "no",
        },
        evidence=Evidence(
            metric=METRIC,
            unit=unit,
            observed=tuple((_noon_ms(day, zone), day.used) for day in stands.days if day.used is not None),
            expected=tuple((_noon_ms(day, zone), day.plan) for day in stands.days),
        ),
    )


def device_of(budget: Budget) -> str:
    return f"budget-{budget.id}"


def rounded(value: float) -> float:
    """To two figures: a forecast of 1,238.70 is one of about 1,200."""
    return float(f"{value:.2g}") if abs(value) < 1e4 else float(f"{value:.3g}")


def _noon_ms(day: OutlookDay, zone: ZoneInfo) -> int:
    return round(datetime(day.day.year, day.day.month, day.day.day, 12, tzinfo=zone).timestamp() * 1000)
