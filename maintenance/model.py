"""A work order: one fault to be put right, from the report to the accepted repair."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Trade(StrEnum):
    PLUMBING = "plumbing"
    ELECTRICAL = "electrical"
    DOORS = "doors"
    FIRE_SYSTEMS = "fire_systems"
    METERING = "metering"
    GENERAL = "general"


class Priority(StrEnum):
    """P1 is a major fault: the school's leaders hear of it within 48 h."""

    P1 = "p1"
    P2 = "p2"
    P3 = "p3"
    P4 = "p4"


class OrderState(StrEnum):
    RAISED = "raised"
    TRIAGED = "triaged"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    DONE = "done"
    ACCEPTED_BY_REPORTER = "accepted_by_reporter"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    DUPLICATE = "duplicate"


FINAL_STATES = frozenset({OrderState.CLOSED, OrderState.CANCELLED, OrderState.DUPLICATE})


class OrderEvent(StrEnum):
    """The verbs of `POST /api/v1/work-orders/{id}/{event}`."""

    TRIAGE = "triage"
    ASSIGN = "assign"
    ACCEPT = "accept"
    DECLINE = "decline"
    START = "start"
    LOG = "log"
    DEFER = "defer"
    APPROVE_DEFERRAL = "approve_deferral"
    RESUME = "resume"
    FINISH = "finish"
    ACCEPT_REPAIR = "accept_repair"
    SEND_BACK = "send_back"
    CLOSE = "close"
    CANCEL = "cancel"
    MARK_DUPLICATE = "mark_duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrder:
    """`problem` and (`device_id` or `space_id`) are its identity: one open order for each. `id` is 0 until stored.

    `message`, `cause` are gettext msgids filled by `facts` for orders a sensor raised; for a person's report `message` is what
    they wrote and `facts` is empty. `reporter` is a user name, or None for a sensor. All times aware UTC.
    """

    problem: str
    space_id: str
    trade: Trade
    priority: Priority
    state: OrderState
    message: str
    raised_at: datetime
    updated_at: datetime
    respond_due: datetime
    resolve_due: datetime
    device_id: str | None = None
    alert_id: int | None = None
    cause: str = ""
    facts: dict[str, str | float] = field(default_factory=dict)
    reporter: str | None = None
    assignee: str | None = None
    hold_reason: str | None = None
    accepted_at: datetime | None = None
    done_at: datetime | None = None
    closed_at: datetime | None = None
    verdict: str | None = None
    rating: int | None = None
    rework: int = 0
    duplicate_of: int | None = None
    version: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLogEntry:
    """One line of an order's history, hash-chained in the store. `actor` is a user name or `policy`, `dispatch`, `clock`."""

    at: datetime
    event: str
    actor: str
    from_state: OrderState | None
    to_state: OrderState
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrewMember:
    """Who can be sent. `load` is the number of open orders; `on_shift` is decided by the caller for the moment asked."""

    username: str
    trades: frozenset[Trade]
    zone: str | None = None
    on_shift: bool = True
    load: int = 0
