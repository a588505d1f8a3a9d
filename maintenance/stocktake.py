"""A stocktake: what is looked for, what a count means, and what the ledger should be corrected by. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from devices.asset import PRESENT_STATES, Asset, AssetEvent, AssetState, CountLine, CountResult, Stocktake
from devices.errors import BadInput, IllegalTransition
from maintenance.asset_machine import AssetRequest

LOOKED_FOR = PRESENT_STATES | {AssetState.SCRAPPING_REQUESTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Somebody stood before a thing. `space_id`: where; None: where the ledger says."""

    tag: str
    by: str
    at: datetime
    space_id: str | None = None
    note: str = ""


def expected(campaign: Stocktake, assets: Iterable[Asset]) -> list[CountLine]:
    """One line for each asset that should be there."""
    return [line_of(campaign.id, asset) for asset in assets if asset.state in LOOKED_FOR]


def line_of(stocktake_id: int, asset: Asset) -> CountLine:
    return CountLine(
        stocktake_id=stocktake_id,
        tag=asset.tag,
        name=asset.name,
        name_zh=asset.name_zh,
        asset_id=asset.id,
        expected_space_id=asset.space_id,
    )


def counted(campaign: Stocktake, line: CountLine, count: Count) -> CountLine:
    """The line after the count; counting again corrects the count before. Raises IllegalTransition once it is closed."""
    check_open(campaign)
    where = count.space_id or line.expected_space_id
    if line.asset_id is None:
        result = CountResult.SURPLUS
    elif where == line.expected_space_id:
        result = CountResult.FOUND
    else:
        result = CountResult.ELSEWHERE
    return replace(
        line, result=result, found_space_id=where, counted_by=count.by, counted_at=count.at, note=count.note or line.note
    )


def closed(campaign: Stocktake, lines: Iterable[CountLine], by: str, at: datetime) -> tuple[Stocktake, list[CountLine]]:
    """The campaign at its end, and the lines that changed by it: what nobody found is missing."""
    check_open(campaign)
    missing = [replace(line, result=CountResult.MISSING) for line in lines if line.result is CountResult.NOT_COUNTED]
    return replace(campaign, closed_at=at, closed_by=by), missing


def check_open(campaign: Stocktake) -> None:
    if campaign.closed_at is not None:
        raise IllegalTransition(f"stocktake {campaign.id} is closed; open a new one to count again")


def check_closed(campaign: Stocktake) -> None:
    if campaign.closed_at is None:
        raise IllegalTransition("the ledger is corrected when the counting is over: close the stocktake first")


def correction_of(line: CountLine, asset: Asset, campaign: Stocktake, actor: str, roles: Iterable[str]) -> AssetRequest | None:
    """What to ask of the asset so that the ledger says what was found; None where the ledger is right already."""
    check_closed(campaign)
    if line.result is CountResult.MISSING:
        event, place = AssetEvent.REPORT_LOSS, None
    elif line.result not in {CountResult.FOUND, CountResult.ELSEWHERE}:
        raise BadInput(f"line {line.id} is {line.result}: a surplus is registered as a new asset", place="line_id")
    elif asset.state is AssetState.MISSING:
        event, place = AssetEvent.REPORT_FOUND, line.found_space_id
    elif asset.space_id != line.found_space_id:
        event, place = AssetEvent.REQUEST_TRANSFER, line.found_space_id
    else:
        return None
    note = f"stocktake {campaign.id}" + (f": {line.note}" if line.note else "")
    return AssetRequest(event=event, actor=actor, roles=tuple(roles), note=note, space_id=place, line_id=line.id)


def tally(lines: Iterable[CountLine]) -> dict[CountResult, int]:
    counts = Counter(line.result for line in lines)
    return {result: counts[result] for result in CountResult}
