"""Once a day: each budget judged, each repair measured. Soon after somebody changes a budget or finishes an order, that one."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from analytics.budget import Budget, Measure
from analytics.budget_warning import device_of, warning
from analytics.finding import FindingKind
from analytics.saving import MOST_DAYS
from analytics.site import Site
from api.accounts import Ledger
from api.after_repair import measure
from api.outlooks import of_meter, of_space, outlook_of
from devices.registry import Registry
from runtime.roles.analytics_recorder import Recorder
from storage.database import Database
from storage.meter_store import MeterStore
from storage.plan_store import budget_store
from storage.reading_store import ReadingStore
from storage.registry_store import RegistryStore
from storage.saving_store import Repair, SavingState, SavingStore, StoredSaving

LOOK_EVERY = timedelta(minutes=1)
LOOK_BACK = timedelta(days=2 * MOST_DAYS)
BUDGETS_AT_ONCE = 4
REPAIRS_AT_ONCE = 20
"""In one turn, a second or two: the detectors of the live readings wait for it."""
DAY_BEGINS_HOUR = 1
"""Local; by then the hours of the day before are complete."""
UNIT = {"electricity": "kWh", "water": "m3"}

_log = logging.getLogger(__name__)


class Plans:
    """Owned by the analytics loop; `look` does what is due. Raises DependencyFailed where a store does not answer."""

    def __init__(
        self, *, database: Database, readings: ReadingStore, record: Recorder, site: Callable[[], Site], currency: str
    ) -> None:
        self._registry = RegistryStore(database)
        self._budgets, self._savings, self._meters = budget_store(database), SavingStore(database), MeterStore(database)
        self._readings, self._findings, self._site, self._currency = readings, record, site, currency
        self._looked: datetime | None = None
        self._judged: dict[int, tuple[Budget, date]] = {}

    def look(self, now: datetime) -> None:
        if self._looked is not None and now - self._looked < LOOK_EVERY:
            return
        site = self._site()
        zone = ZoneInfo(site.calendar.timezone)
        day = (now.astimezone(zone) - timedelta(hours=DAY_BEGINS_HOUR)).date()
        budgets, repairs = self._budgets.list(), self._savings.repairs(now - LOOK_BACK)
        due = [one for one in budgets if self._judged.get(one.id) != (one, day)]
        stale = self._stale(repairs, day, zone)
        if due or stale:
            registry = self._registry.load()
            ledger = Ledger(readings=self._readings, rates=site.rates, calendar=site.calendar)
            for budget in due[:BUDGETS_AT_ONCE]:
                self._judge(ledger, registry, budget, now)
                self._judged[budget.id] = (budget, day)
            stale = [repair for repair in stale if repair.device_id in registry.devices]
            self._measure(ledger, registry, stale[:REPAIRS_AT_ONCE], now)
        self._end_removed(budgets, now)
        more = len(due) > BUDGETS_AT_ONCE or len(stale) > REPAIRS_AT_ONCE
        self._looked = None if more else now

    def _judge(self, ledger: Ledger, registry: Registry, budget: Budget, now: datetime) -> None:
        virtual = self._meters.virtual()
        of_a_space = bool(budget.space_id)
        subject = (
            of_space(registry, budget.quantity, budget.space_id) if of_a_space else of_meter(registry, virtual, budget.meter_id)
        )
        zone = ZoneInfo(ledger.calendar.timezone)
        stands = outlook_of(ledger, subject, budget, now)
        if stands is None or not stands.warns(budget, now.astimezone(zone).date()):
            self._end(device_of(budget), now)
            return
        device, defined = registry.devices.get(budget.meter_id), virtual.get(budget.meter_id)
        space_id = budget.space_id or (device.space_id if device else defined.space_id if defined else "")
        unit = self._currency if budget.measure is Measure.MONEY else UNIT[budget.quantity]
        self._findings.record(warning(budget, stands, space_id, unit, now, zone), now)

    def _end_removed(self, budgets: list[Budget], now: datetime) -> None:
        kept = {device_of(budget) for budget in budgets}
        for kind, device_id in list(self._findings.active):
            if kind is FindingKind.ENERGY_BUDGET and device_id not in kept:
                self._end(device_id, now)

    def _end(self, device_id: str, now: datetime) -> None:
        active = self._findings.active.get((FindingKind.ENERGY_BUDGET, device_id))
        if active is not None:
            self._findings.record(replace(active, active=False, seen=now), now)

    def _stale(self, repairs: list[Repair], day: date, zone: ZoneInfo) -> list[Repair]:
        """Those not measured since the day began, and not finished; rows of orders that are no longer done are removed."""
        known = {saving.order_id: saving for saving in self._savings.list()}
        gone = [saving.order_id for saving in known.values() if saving.state is not SavingState.FINAL]
        self._savings.forget([order_id for order_id in gone if order_id not in {repair.order_id for repair in repairs}])
        return [repair for repair in repairs if _is_due(repair, known.get(repair.order_id), day, zone)]

    def _measure(self, ledger: Ledger, registry: Registry, repairs: list[Repair], now: datetime) -> None:
        for repair in repairs:
            found = measure(ledger, registry, repair, now)
            if found is not None:
                _log.info("saving order=%d state=%s per_day=%s", repair.order_id, found.state, found.per_day)
                self._savings.save(found)


def _is_due(repair: Repair, known: StoredSaving | None, day: date, zone: ZoneInfo) -> bool:
    if known is None or known.repaired_at != repair.repaired_at:
        return True
    return known.state is not SavingState.FINAL and known.updated_at.astimezone(zone).date() < day
