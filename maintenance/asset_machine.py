"""The life of an asset as one table, and who may do what in another. Pure: `now` and `today` (at the site) come from outside.

Requests (transfer, loss, found again, scrapping) wait in `Asset.pending` until another person than the one who asked decides.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from devices.asset import Acquisition, Asset, AssetEvent, AssetLogEntry, AssetState, Condition, Pending, PendingKind
from devices.errors import BadInput, IllegalTransition

_S, _E = AssetState, AssetEvent

TRANSITIONS: dict[tuple[AssetState, AssetEvent], AssetState] = {
    (_S.PURCHASED, _E.ACCEPT): _S.IN_STORE,
    (_S.PURCHASED, _E.VOID): _S.VOIDED,
    (_S.PURCHASED, _E.EDIT): _S.PURCHASED,
    (_S.PURCHASED, _E.LINK): _S.PURCHASED,
    (_S.PURCHASED, _E.UNLINK): _S.PURCHASED,
    (_S.IN_STORE, _E.ISSUE): _S.IN_USE,
    (_S.IN_STORE, _E.LEND): _S.ON_LOAN,
    (_S.IN_USE, _E.LEND): _S.ON_LOAN,
    (_S.IN_USE, _E.RETURN): _S.IN_STORE,
    (_S.ON_LOAN, _E.RETURN): _S.IN_STORE,
    (_S.IN_STORE, _E.SEND_TO_REPAIR): _S.UNDER_REPAIR,
    (_S.IN_USE, _E.SEND_TO_REPAIR): _S.UNDER_REPAIR,
    (_S.ON_LOAN, _E.SEND_TO_REPAIR): _S.UNDER_REPAIR,
    (_S.UNDER_REPAIR, _E.REPAIRED): _S.IN_STORE,  # or where it came from: Asset.back_to
    (_S.MISSING, _E.REPORT_FOUND): _S.MISSING,
    (_S.MISSING, _E.APPROVE): _S.IN_STORE,
    (_S.MISSING, _E.REFUSE): _S.MISSING,
    (_S.MISSING, _E.WITHDRAW): _S.MISSING,
    (_S.SCRAPPING_REQUESTED, _E.APPROVE): _S.SCRAPPED,
    (_S.SCRAPPING_REQUESTED, _E.REFUSE): _S.IN_STORE,  # or where it came from: Pending.from_state
    (_S.SCRAPPING_REQUESTED, _E.WITHDRAW): _S.IN_STORE,  # the same
    (_S.SCRAPPED, _E.DISPOSE): _S.DISPOSED,
    **{
        (state, event): state
        for state in (_S.IN_STORE, _S.IN_USE, _S.ON_LOAN, _S.UNDER_REPAIR)
        for event in (
            *(_E.REQUEST_TRANSFER, _E.REPORT_LOSS, _E.APPROVE, _E.REFUSE, _E.WITHDRAW),  # an approved loss leads to MISSING
            *(_E.ASSESS, _E.EDIT, _E.LINK, _E.UNLINK),
        )
    },
    **{
        (state, _E.REQUEST_SCRAPPING): _S.SCRAPPING_REQUESTED
        for state in (_S.IN_STORE, _S.IN_USE, _S.ON_LOAN, _S.UNDER_REPAIR, _S.MISSING)
    },
}

_ASKS: dict[AssetEvent, PendingKind] = {
    _E.REQUEST_TRANSFER: PendingKind.TRANSFER,
    _E.REPORT_LOSS: PendingKind.LOSS,
    _E.REPORT_FOUND: PendingKind.FOUND,
    _E.REQUEST_SCRAPPING: PendingKind.SCRAPPING,
}
_DECIDES = frozenset({_E.APPROVE, _E.REFUSE, _E.WITHDRAW})
_WHILE_PENDING = _DECIDES | {_E.EDIT, _E.LINK, _E.UNLINK, _E.ASSESS}
"""What may happen to an asset while a request waits; anything else would change what was asked about."""

NEEDS_NOTE = frozenset(
    {_E.REQUEST_TRANSFER, _E.REPORT_LOSS, _E.REPORT_FOUND, _E.REQUEST_SCRAPPING, _E.REFUSE, _E.SEND_TO_REPAIR, _E.DISPOSE, _E.VOID}
)


class Hat(StrEnum):
    """In which capacity somebody faces an asset."""

    KEEPER = "asset keeper (administrator, logistics head, dispatcher)"
    APPROVER = "logistics head or administrator, another person than the one who asked"
    REQUESTER = "the person who asked"
    CREW = "crew"
    CUSTODIAN = "the person who answers for it"


KEEPERS = frozenset({"admin", "logistics_head", "dispatcher"})
APPROVERS = frozenset({"admin", "logistics_head"})

_KEEPER = frozenset({Hat.KEEPER})
WHO: dict[AssetEvent, frozenset[Hat]] = {
    **{event: _KEEPER for event in AssetEvent if event not in {_E.REGISTER, _E.APPROVE, _E.REFUSE, _E.WITHDRAW}},
    _E.SEND_TO_REPAIR: frozenset({Hat.KEEPER, Hat.CREW, Hat.CUSTODIAN}),
    _E.REPAIRED: frozenset({Hat.KEEPER, Hat.CREW}),
    _E.ASSESS: frozenset({Hat.KEEPER, Hat.CREW, Hat.CUSTODIAN}),
    _E.REPORT_LOSS: frozenset({Hat.KEEPER, Hat.CUSTODIAN}),
    _E.APPROVE: frozenset({Hat.APPROVER}),
    _E.REFUSE: frozenset({Hat.APPROVER}),
    _E.WITHDRAW: frozenset({Hat.REQUESTER}),
}
"""Who may ask for what. An administrator is a keeper and an approver, but nobody approves what they asked for themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRequest:
    """What somebody wants to happen; the fields after `note` only where the event uses them.

    `on`: the day of acceptance or disposal, None: today. `edited`: the facts after an edit, `note` then says which.
    """

    event: AssetEvent
    actor: str
    roles: Collection[str] = frozenset()
    note: str = ""
    space_id: str | None = None
    custodian: str = ""
    due_back: date | None = None
    condition: Condition | None = None
    on: date | None = None
    proceeds_cents: int | None = None
    device_id: str | None = None
    line_id: int | None = None
    edited: Asset | None = None


def allowed_events(asset: Asset, username: str, roles: Collection[str]) -> tuple[AssetEvent, ...]:
    """What this person may do with the asset now, in the order of AssetEvent."""
    hats = _hats(asset, username, roles)
    return tuple(event for event in AssetEvent if possible(asset, event) and hats & _who(asset, event))


def register(asset: Asset, now: datetime) -> tuple[Asset, AssetLogEntry]:
    """A new line of the ledger: to be accepted, or at once on the books where it comes with its day of acceptance."""
    start = AssetState.PURCHASED if asset.accepted_on is None else AssetState.IN_STORE
    if start is AssetState.IN_STORE and asset.custodian:
        start = AssetState.IN_USE
    made = replace(asset, state=start, created_at=now, updated_at=now)
    note = asset.document if asset.acquired is Acquisition.PURCHASE else asset.acquired.value
    return made, AssetLogEntry(at=now, event=_E.REGISTER, actor=asset.created_by, from_state=None, to_state=start, note=note)


def advance(asset: Asset, request: AssetRequest, now: datetime, today: date) -> tuple[Asset, AssetLogEntry]:
    """The asset after the request. Raises IllegalTransition (state or person) or BadInput (something is missing)."""
    _check_possible(asset, request)
    _check_input(asset, request, today)
    moved = replace(asset, state=TRANSITIONS[asset.state, request.event], updated_at=max(now, asset.updated_at))
    write = _WRITE.get(request.event)
    changed = write(moved, asset, request, today) if write else moved
    entry = AssetLogEntry(
        at=changed.updated_at,
        event=request.event,
        actor=request.actor,
        from_state=asset.state,
        to_state=changed.state,
        note=_note(asset, request),
    )
    return changed, entry


def possible(asset: Asset, event: AssetEvent) -> bool:
    """Whether the state allows it, whoever asks."""
    if (asset.state, event) not in TRANSITIONS:
        return False
    if event in _DECIDES:
        return asset.pending is not None
    if event is AssetEvent.UNLINK and asset.device_id is None:
        return False
    return asset.pending is None or event in _WHILE_PENDING


def _who(asset: Asset, event: AssetEvent) -> frozenset[Hat]:
    """A surplus is taken into the ledger by another person than the one who counted it."""
    if event is AssetEvent.ACCEPT and asset.acquired is Acquisition.SURPLUS:
        return frozenset({Hat.APPROVER})
    return WHO.get(event, frozenset())


def _hats(asset: Asset, username: str, roles: Collection[str]) -> frozenset[Hat]:
    asked = asset.pending.by if asset.pending else asset.created_by
    worn = {
        Hat.KEEPER: bool(KEEPERS & set(roles)),
        Hat.APPROVER: bool(APPROVERS & set(roles)) and username != asked,
        Hat.REQUESTER: asset.pending is not None and username == asset.pending.by,
        Hat.CREW: "crew" in roles,
        Hat.CUSTODIAN: username == asset.custodian,
    }
    return frozenset(hat for hat, on in worn.items() if on)


def _check_possible(asset: Asset, request: AssetRequest) -> None:
    event = request.event
    if not possible(asset, event):
        can_do = ", ".join(allowed_events(asset, request.actor, request.roles)) or "nothing"
        waits = f" and a {asset.pending.kind} request of {asset.pending.by} waits" if asset.pending else ""
        raise IllegalTransition(
            f"asset {asset.tag} is {asset.state}{waits}: {event} is not possible; {request.actor} can do now: {can_do}"
        )
    who = _who(asset, event)
    if not _hats(asset, request.actor, request.roles) & who:
        raise IllegalTransition(
            f"asset {asset.tag}: {event} is for: {', '.join(sorted(who))}; {request.actor} is not one of them here"
        )


def _check_input(asset: Asset, request: AssetRequest, today: date) -> None:
    event = request.event
    if event in NEEDS_NOTE and not request.note.strip():
        raise BadInput(f"{event} needs a note: say why", place="note")
    if event is AssetEvent.ISSUE and not (request.custodian or asset.custodian):
        raise BadInput("name the person who answers for it", place="custodian")
    if event is AssetEvent.LEND and not request.custodian:
        raise BadInput("name the person who borrows it", place="custodian")
    if event is AssetEvent.REQUEST_TRANSFER and request.space_id in {None, asset.space_id} and not request.custodian:
        raise BadInput("name the other place or the other person it goes to", place="space_id")
    if event is AssetEvent.ASSESS and request.condition is None:
        raise BadInput("say whether it is good or poor", place="condition")
    if event is AssetEvent.LINK and not request.device_id:
        raise BadInput("name the device", place="device_id")
    if event is AssetEvent.EDIT and request.edited is None:
        raise BadInput("name the facts to change", place="edit")
    if request.on is not None and request.on > today:
        raise BadInput("this day lies in the future", place="on")


def _note(asset: Asset, request: AssetRequest) -> str:
    to = " ".join(part for part in (request.space_id, request.custodian) if part)
    parts = {
        AssetEvent.ISSUE: f"→ {to}" if to else "",
        AssetEvent.LEND: f"→ {to}" + (f", {request.due_back.isoformat()}" if request.due_back else ""),
        AssetEvent.REQUEST_TRANSFER: f"→ {to}",
        AssetEvent.REPORT_FOUND: f"→ {to}" if to else "",
        AssetEvent.ASSESS: request.condition.value if request.condition else "",
        AssetEvent.LINK: request.device_id or "",
        AssetEvent.UNLINK: asset.device_id or "",
        AssetEvent.APPROVE: asset.pending.kind.value if asset.pending else "",
        AssetEvent.REFUSE: asset.pending.kind.value if asset.pending else "",
        AssetEvent.WITHDRAW: asset.pending.kind.value if asset.pending else "",
    }
    return ": ".join(part for part in (parts.get(request.event, ""), request.note.strip()) if part)


# What each event writes into the asset: (moved, before, request, today) → after

Write = Callable[[Asset, Asset, AssetRequest, date], Asset]


def _accept(moved: Asset, _before: Asset, request: AssetRequest, today: date) -> Asset:
    return replace(moved, accepted_on=request.on or today, accepted_by=request.actor, space_id=request.space_id or moved.space_id)


def _issue(moved: Asset, _before: Asset, request: AssetRequest, _today: date) -> Asset:
    return replace(moved, space_id=request.space_id or moved.space_id, custodian=request.custodian or moved.custodian)


def _lend(moved: Asset, before: Asset, request: AssetRequest, _today: date) -> Asset:
    return replace(_issue(moved, before, request, _today), due_back=request.due_back)


def _return(moved: Asset, _before: Asset, request: AssetRequest, _today: date) -> Asset:
    return replace(
        moved,
        custodian="",
        due_back=None,
        space_id=request.space_id or moved.space_id,
        condition=request.condition or moved.condition,
    )


def _send_to_repair(moved: Asset, before: Asset, _request: AssetRequest, _today: date) -> Asset:
    return replace(moved, condition=Condition.POOR, back_to=before.state)


def _repaired(moved: Asset, before: Asset, _request: AssetRequest, _today: date) -> Asset:
    return replace(moved, condition=Condition.GOOD, state=before.back_to or moved.state, back_to=None)


def _assess(moved: Asset, _before: Asset, request: AssetRequest, _today: date) -> Asset:
    return replace(moved, condition=request.condition or moved.condition)


def _ask(moved: Asset, before: Asset, request: AssetRequest, _today: date) -> Asset:
    pending = Pending(
        kind=_ASKS[request.event],
        by=request.actor,
        at=moved.updated_at,
        reason=request.note.strip(),
        from_state=before.state,
        space_id=request.space_id,
        custodian=request.custodian,
        line_id=request.line_id,
    )
    return replace(moved, pending=pending)


def _approve(moved: Asset, before: Asset, _request: AssetRequest, today: date) -> Asset:
    asked = before.pending
    assert asked is not None
    decided = replace(moved, pending=None)
    match asked.kind:
        case PendingKind.TRANSFER:
            return replace(decided, space_id=asked.space_id or decided.space_id, custodian=asked.custodian or decided.custodian)
        case PendingKind.LOSS:
            return replace(decided, state=AssetState.MISSING, written_off_on=today, back_to=None)
        case PendingKind.FOUND:
            return replace(decided, custodian="", space_id=asked.space_id or decided.space_id, written_off_on=None, due_back=None)
        case PendingKind.SCRAPPING:
            return replace(decided, written_off_on=before.written_off_on or today, condition=Condition.POOR, back_to=None)


def _take_back(moved: Asset, before: Asset, _request: AssetRequest, _today: date) -> Asset:
    """Refused or withdrawn: as if nobody had asked."""
    return replace(moved, pending=None, state=before.pending.from_state if before.pending else moved.state)


def _dispose(moved: Asset, _before: Asset, request: AssetRequest, today: date) -> Asset:
    return replace(
        moved, disposed_on=request.on or today, proceeds_cents=request.proceeds_cents or 0, custodian="", space_id=moved.space_id
    )


def _edit(moved: Asset, _before: Asset, request: AssetRequest, _today: date) -> Asset:
    return replace(request.edited, updated_at=moved.updated_at) if request.edited else moved


def _link(moved: Asset, _before: Asset, request: AssetRequest, _today: date) -> Asset:
    return replace(moved, device_id=request.device_id)


def _unlink(moved: Asset, _before: Asset, _request: AssetRequest, _today: date) -> Asset:
    return replace(moved, device_id=None)


_WRITE: dict[AssetEvent, Write] = {
    AssetEvent.ACCEPT: _accept,
    AssetEvent.ISSUE: _issue,
    AssetEvent.LEND: _lend,
    AssetEvent.RETURN: _return,
    AssetEvent.SEND_TO_REPAIR: _send_to_repair,
    AssetEvent.REPAIRED: _repaired,
    AssetEvent.ASSESS: _assess,
    AssetEvent.REQUEST_TRANSFER: _ask,
    AssetEvent.REPORT_LOSS: _ask,
    AssetEvent.REPORT_FOUND: _ask,
    AssetEvent.REQUEST_SCRAPPING: _ask,
    AssetEvent.APPROVE: _approve,
    AssetEvent.REFUSE: _take_back,
    AssetEvent.WITHDRAW: _take_back,
    AssetEvent.DISPOSE: _dispose,
    AssetEvent.EDIT: _edit,
    AssetEvent.LINK: _link,
    AssetEvent.UNLINK: _unlink,
}
