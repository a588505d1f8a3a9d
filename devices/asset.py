"""A thing the school owns, as its asset ledger keeps it: what it is, what it cost, where it stands and who answers for it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class AssetState(StrEnum):
    PURCHASED = "purchased"  # delivered, not yet accepted into the ledger
    IN_STORE = "in_store"
    IN_USE = "in_use"
    ON_LOAN = "on_loan"
    UNDER_REPAIR = "under_repair"
    SCRAPPING_REQUESTED = "scrapping_requested"
    SCRAPPED = "scrapped"  # approved; off the books, not yet gone
    DISPOSED = "disposed"
    MISSING = "missing"  # a loss that was approved; off the books until it is found
    VOIDED = "voided"  # entered by mistake, before acceptance


PRESENT_STATES = frozenset({AssetState.IN_STORE, AssetState.IN_USE, AssetState.ON_LOAN, AssetState.UNDER_REPAIR})
"""The school has it and may use it: what a stocktake looks for and the share in good order counts."""


class AssetEvent(StrEnum):
    """The verbs of `POST /api/v1/assets/{tag}/{event}`, and what Caretaker itself writes into the history (register, count)."""

    REGISTER = "register"
    ACCEPT = "accept"
    ISSUE = "issue"
    LEND = "lend"
    RETURN = "return"
    REQUEST_TRANSFER = "request_transfer"
    SEND_TO_REPAIR = "send_to_repair"
    REPAIRED = "repaired"
    ASSESS = "assess"
    REPORT_LOSS = "report_loss"
    REPORT_FOUND = "report_found"
    REQUEST_SCRAPPING = "request_scrapping"
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    DISPOSE = "dispose"
    VOID = "void"
    EDIT = "edit"
    LINK = "link"
    UNLINK = "unlink"


class Condition(StrEnum):
    GOOD = "good"
    POOR = "poor"


class Acquisition(StrEnum):
    PURCHASE = "purchase"
    DONATION = "donation"
    ALLOCATION = "allocation"  # handed over by another public institution
    BUILT = "built"
    SURPLUS = "surplus"  # found by a stocktake


class DepreciationMethod(StrEnum):
    STRAIGHT_LINE = "straight_line"
    NONE = "none"  # land, collections, books


class PendingKind(StrEnum):
    TRANSFER = "transfer"
    LOSS = "loss"
    FOUND = "found"
    SCRAPPING = "scrapping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A request that waits for another person's word. `from_state` is where a refusal leads back to.

    `space_id` and `custodian` are where a transfer goes, or where a missing thing was found; None and "": unchanged.
    `line_id` is the line of the stocktake that asks for it.
    """

    kind: PendingKind
    by: str
    at: datetime
    reason: str
    from_state: AssetState
    space_id: str | None = None
    custodian: str = ""
    line_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One line of the ledger. `tag` is the number on its label; money is in cents of the site's currency.

    `class_code` is of GB/T 14885. `custodian` is a user name or any person's name. `accepted_on` puts it on the books,
    `written_off_on` takes it off them. `back_to` is the state that a repair returns it to.
    """

    tag: str
    class_code: str
    class_name: str
    name: str
    name_zh: str
    created_at: datetime
    updated_at: datetime
    created_by: str
    state: AssetState = AssetState.PURCHASED
    condition: Condition = Condition.GOOD
    acquired: Acquisition = Acquisition.PURCHASE
    model: str = ""
    serial: str = ""
    manufacturer: str = ""
    supplier: str = ""
    purchased_on: date | None = None
    price_cents: int = 0
    document: str = ""
    accepted_on: date | None = None
    accepted_by: str = ""
    warranty_until: date | None = None
    life_months: int = 0
    method: DepreciationMethod = DepreciationMethod.STRAIGHT_LINE
    residual_rate: float = 0.0
    space_id: str | None = None
    custodian: str = ""
    due_back: date | None = None
    device_id: str | None = None
    remark: str = ""
    pending: Pending | None = None
    back_to: AssetState | None = None
    written_off_on: date | None = None
    disposed_on: date | None = None
    proceeds_cents: int | None = None
    version: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetLogEntry:
    """One line of an asset's history, hash-chained in the store."""

    at: datetime
    event: AssetEvent
    actor: str
    from_state: AssetState | None
    to_state: AssetState
    note: str = ""


class CountResult(StrEnum):
    """What a stocktake says of one asset."""

    NOT_COUNTED = "not_counted"
    FOUND = "found"
    ELSEWHERE = "elsewhere"  # it is there, in another place than the ledger says
    MISSING = "missing"  # nobody found it: a loss, once approved
    SURPLUS = "surplus"  # a thing that the ledger does not know


class Correction(StrEnum):
    """How far the ledger's correction after a stocktake has come."""

    NONE = "none"
    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocktake:
    """A campaign over the assets of a place and of a class (prefix of the class code); None and "": all."""

    name: str
    opened_at: datetime
    opened_by: str
    space_id: str | None = None
    class_prefix: str = ""
    closed_at: datetime | None = None
    closed_by: str | None = None
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CountLine:
    """One thing in a stocktake. `tag` of a surplus is what its label says, or a number that Caretaker gives it."""

    stocktake_id: int
    tag: str
    name: str
    name_zh: str
    asset_id: int | None = None
    expected_space_id: str | None = None
    result: CountResult = CountResult.NOT_COUNTED
    found_space_id: str | None = None
    counted_by: str | None = None
    counted_at: datetime | None = None
    note: str = ""
    correction: Correction = Correction.NONE
    id: int = 0
