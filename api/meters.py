"""Meters as the caller may see them, real and virtual; their accounts, and what may be entered about them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analytics.amend import Entry, EntryKind, amended
from analytics.virtual import Term, VirtualMeter, factors_of, terms_of
from api.accounts import Account
from api.consumption import METER_KIND, Quantity
from api.deps import Deps
from api.permissions import may_see_space
from devices.errors import BadInput, Conflict, NotFound
from devices.metrics import QUANTITY_REGISTER
from devices.model import Device, Quality, Reading
from devices.registry import Registry
from storage.user import User

DAY_MS = 86_400_000
NEAR_MS = 30_000
NEIGHBOURS = 5
QUANTITY_OF = {kind: quantity for quantity, kind in METER_KIND.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """A meter: `device` is None for a virtual one."""

    id: str
    quantity: Quantity
    name: str
    name_zh: str
    space_id: str
    account: Account
    device: Device | None = None


def metered_all(deps: Deps, registry: Registry, user: User) -> list[Metered]:
    """Real meters, then virtual ones, each by id, that the caller may see."""
    real = [_real(registry, device) for device in registry.devices.values() if device.kind in QUANTITY_OF]
    known = deps.meters.virtual()
    virtual = [_virtual(registry, meter, known) for meter in known.values()]
    return [one for one in (*real, *virtual) if may_see(user, registry, one)]


def metered_for(deps: Deps, registry: Registry, user: User, meter_id: str) -> Metered:
    """Raises NotFound, also where the caller may not know of it."""
    device = registry.devices.get(meter_id)
    known = deps.meters.virtual()
    found = None
    if device is not None and device.kind in QUANTITY_OF:
        found = _real(registry, device)
    elif meter_id in known:
        found = _virtual(registry, known[meter_id], known)
    if found is None or not may_see(user, registry, found):
        raise NotFound(f"there is no meter {meter_id!r}")
    return found


def device_of(metered: Metered) -> Device:
    """Raises BadInput for a virtual meter."""
    if metered.device is None:
        raise BadInput(f"{metered.id!r} is virtual: it has no readings of its own; enter it at one of its meters")
    return metered.device


def may_see(user: User, registry: Registry, metered: Metered) -> bool:
    """Its place, and the places of all that it is made of: a difference would tell of them."""
    parts = [registry.devices[meter] for meter in metered.account.factors if meter in registry.devices]
    return all(may_see_space(user, registry, space_id) for space_id in (metered.space_id, *(part.space_id for part in parts)))


def sub_meters_of(registry: Registry, main_id: str) -> list[str]:
    """Direct sub-meters of the same kind."""
    main = registry.devices.get(main_id)
    return [] if main is None else [sub.id for sub in registry.sub_meters(main_id) if sub.kind is main.kind]


def _real(registry: Registry, device: Device) -> Metered:
    return Metered(
        id=device.id,
        quantity=QUANTITY_OF[device.kind],
        name=device.name,
        name_zh=device.name_zh,
        space_id=device.space_id,
        account=Account(id=device.id, factors={device.id: 1.0}, use=registry.spaces[device.space_id].use),
        device=device,
    )


def _virtual(registry: Registry, meter: VirtualMeter, known: Mapping[str, VirtualMeter]) -> Metered:
    space = registry.spaces.get(meter.space_id)
    factors = factors_of(meter.id, known, lambda main: sub_meters_of(registry, main))
    account = Account(id=meter.id, factors=factors, use=space.use) if space else Account(id=meter.id, factors=factors)
    return Metered(
        id=meter.id,
        quantity=Quantity(meter.quantity),
        name=meter.name,
        name_zh=meter.name_zh,
        space_id=meter.space_id,
        account=account,
    )


# Virtual meters


def checked(deps: Deps, registry: Registry, user: User, meter: VirtualMeter) -> VirtualMeter:
    """Raises BadInput where it is not made of meters of its quantity that the caller may see, or goes round in a circle."""
    if meter.id in registry.devices:
        raise BadInput(f"{meter.id!r} is a device; choose another id", place="id")
    if not may_see_space(user, registry, meter.space_id) or meter.space_id not in registry.spaces:
        raise BadInput(f"there is no space {meter.space_id!r}", place="space_id")
    known = {**deps.meters.virtual(), meter.id: meter}
    for term in terms_of(meter, lambda main: sub_meters_of(registry, main)):
        _check_term(registry, known, meter, term)
    found = _virtual(registry, meter, known)
    if not may_see(user, registry, found):
        raise BadInput("it is made of meters of other buildings", place="terms")
    if not found.account.factors:
        raise BadInput("its parts cancel each other out; nothing is left", place="terms")
    return meter


def _check_term(registry: Registry, known: Mapping[str, VirtualMeter], meter: VirtualMeter, term: Term) -> None:
    device, virtual = registry.devices.get(term.meter_id), known.get(term.meter_id)
    quantity = QUANTITY_OF.get(device.kind) if device else virtual.quantity if virtual else None
    if quantity is None:
        raise BadInput(f"there is no meter {term.meter_id!r}", place="rest_of" if meter.rest_of else "terms")
    if quantity != meter.quantity:
        raise BadInput(f"{term.meter_id!r} counts {quantity}, not {meter.quantity}", place="terms")


def parse_formula(formula: str) -> tuple[Term, ...]:
    """`main - canteen + 0.5 * lab`; blanks around the signs, since ids may have hyphens. Raises BadInput."""
    parts = re.split(r"\s+([+−-])\s+", " " + formula.strip() if formula.strip()[:1] in "+-−" else " + " + formula.strip())
    terms = []
    for sign, part in zip(parts[1::2], parts[2::2], strict=True):
        found = re.fullmatch(r"(?:(\d+(?:\.\d+)?)\s*[*×]\s*)?(\S+)", part.strip())
        if not found:
            raise BadInput(f"{part.strip()!r} is no meter; write: main - canteen + 0.5 * lab", place="formula")
        terms.append(Term(meter_id=found[2], factor=float(found[1] or 1) * (1 if sign == "+" else -1)))
    if not terms:
        raise BadInput("write: main - canteen + 0.5 * lab", place="formula")
    return tuple(terms)


def formula_of(terms: Iterable[Term]) -> str:
    text = ""
    for term in terms:
        size = "" if abs(term.factor) == 1 else f"{abs(term.factor):g} * "
        sign = "- " if term.factor < 0 else "+ " if text else ""
        text += f"{' ' if text else ''}{sign}{size}{term.meter_id}"
    return text


# What people enter


def exchange(deps: Deps, device: Device, entry: Entry, modulus: float) -> Entry:
    """Raises BadInput where the indices contradict the readings, Conflict where one is entered for that time already."""
    assert entry.before is not None
    assert entry.after is not None
    if max(entry.before, entry.after) > modulus:
        raise BadInput(f"this meter's register ends at {modulus:g}", place="end_index, start_index")
    entries = deps.meters.entries(device.id)
    same = [one for one in entries if one.kind is EntryKind.EXCHANGE and one.undone_at is None and one.ts_ms == entry.ts_ms]
    if same:
        raise Conflict(f"an exchange at that time was entered by {same[0].entered_by}; undo it first")
    old, new = _beside(deps, device, entry.ts_ms, entries)
    if old and entry.before + 1 < min(old):
        raise BadInput(f"the old meter had already reached {min(old):g} before that", place="end_index")
    if new and entry.after > max(new) + 1:
        raise BadInput(f"the new meter shows only {max(new):g} after that; is the time right?", place="start_index")
    return deps.meters.enter(entry, (entry.ts_ms, entry.ts_ms))


def _beside(deps: Deps, device: Device, ts_ms: int, entries: list[Entry]) -> tuple[list[float], list[float]]:
    """The last values before and the first after, as they count."""
    metric = QUANTITY_REGISTER[QUANTITY_OF[device.kind]]
    columns = deps.readings.frame([device.id], [metric], ts_ms - 7 * DAY_MS, ts_ms + 7 * DAY_MS)
    read = (columns["ts_ms"].to_numpy(), columns["value"].to_numpy(), columns["quality"].to_numpy())
    at, values, quality = amended(read, entries)
    good = (quality & int(Quality.IMPLAUSIBLE)) == 0
    before, after = values[(at < ts_ms) & good], values[(at > ts_ms) & good]
    return before[-NEIGHBOURS:].tolist(), after[:NEIGHBOURS].tolist()


def reading_at(deps: Deps, device: Device, ts_ms: int) -> Reading | None:
    """The register's reading nearest to the time, at most NEAR_MS away."""
    metric = QUANTITY_REGISTER[QUANTITY_OF[device.kind]]
    near = deps.readings.range(device.id, metric, ts_ms - NEAR_MS, ts_ms + NEAR_MS + 1)
    return min(near, key=lambda reading: abs(reading.ts_ms - ts_ms), default=None)
