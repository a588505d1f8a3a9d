"""What the API does around a stocktake: who sees it, what a count stands for, and how the ledger is corrected afterwards."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from secrets import token_hex

from api import present
from api import schemas_assets as shapes
from api.assets import asset_for, check_place, classed, do, may_see_asset
from api.assets import cents as cents_of
from api.deps import Deps
from api.permissions import may_see_space, owned_spaces
from devices.asset import Acquisition, Asset, Correction, CountLine, CountResult, Stocktake
from devices.errors import BadInput, CaretakerError, Conflict, NotFound
from devices.registry import Registry
from maintenance.asset_machine import register
from maintenance.stocktake import Count, check_closed, check_open, correction_of, counted, expected, line_of, tally
from storage.asset_store import AssetFilter
from storage.user import User

UNLABELLED = "SURPLUS-"
"""How the numbers begin that stand for things without a label until they are entered."""

_ADDRESS = re.compile(r"(?:https?://[^/]+)?/a/([A-Za-z0-9._-]{1,64})/?(?:[?#].*)?")
_TAG = re.compile(shapes.TAG)
_WRONG = frozenset({CountResult.ELSEWHERE, CountResult.MISSING, CountResult.FOUND})


def stocktake_for(deps: Deps, registry: Registry, user: User, stocktake_id: int) -> Stocktake:
    """Raises NotFound, also where the caller may not know that it exists."""
    campaign = deps.stocktakes.get(stocktake_id)
    if not may_see_stocktake(user, registry, campaign):
        raise NotFound(f"there is no stocktake {stocktake_id}")
    return campaign


def may_see_stocktake(user: User, registry: Registry, campaign: Stocktake) -> bool:
    if campaign.space_id is None:
        return owned_spaces(user, registry) is None
    return may_see_space(user, registry, campaign.space_id)


def open_stocktake(deps: Deps, registry: Registry, user: User, given: shapes.StocktakeIn) -> Stocktake:
    check_place(user, registry, given.space_id)
    if given.space_id is None and owned_spaces(user, registry) is not None:
        raise BadInput("name one of your buildings", place="space_id")
    campaign = Stocktake(
        name=given.name, opened_at=deps.now(), opened_by=user.username, space_id=given.space_id, class_prefix=given.class_code
    )
    inside = None if given.space_id is None else [space.id for space in registry.within(given.space_id)]
    assets = deps.assets.list(AssetFilter(space_ids=inside, class_prefix=given.class_code.rstrip("0")))
    stored = deps.stocktakes.open(campaign, expected(campaign, assets))
    deps.audit.append(deps.now(), user.username, "stocktake.open", str(stored.id), stored.name)
    return stored


def count(deps: Deps, registry: Registry, user: User, campaign: Stocktake, given: shapes.CountIn) -> CountLine:
    """The line as counted, a new one for what was not expected. Raises NotFound for a number that nobody knows, without a name."""
    check_open(campaign)
    check_place(user, registry, given.space_id)
    line = _line(deps, registry, user, campaign, given)
    told = Count(tag=line.tag, by=user.username, at=deps.now(), space_id=given.space_id, note=given.note)
    return deps.stocktakes.put(counted(campaign, line, told))


def tag_of(text: str) -> str:
    """The number in what a camera read or a person typed. Raises BadInput."""
    found = _ADDRESS.fullmatch(text)
    tag = found[1] if found else text
    if not _TAG.fullmatch(tag):
        raise BadInput(f"{tag[:60]!r} is no asset number", place="tag")
    return tag.upper()


def _line(deps: Deps, registry: Registry, user: User, campaign: Stocktake, given: shapes.CountIn) -> CountLine:
    if not given.tag:
        return _unknown(campaign, "", given)
    tag = tag_of(given.tag)
    known = deps.stocktakes.line(campaign.id, tag)
    if known is not None:
        return known
    try:
        asset = deps.assets.get(tag)
    except NotFound:
        return _unknown(campaign, tag, given)
    if not may_see_asset(user, registry, asset):
        raise Conflict(f"asset {tag} belongs to another building: tell the asset keeper where it is")
    return line_of(campaign.id, asset)


def _unknown(campaign: Stocktake, tag: str, given: shapes.CountIn) -> CountLine:
    if not given.name:
        raise NotFound(f"no asset has the number {tag!r}: say what it is to note it as a surplus")
    number = tag or f"{UNLABELLED}{token_hex(4).upper()}"
    return CountLine(stocktake_id=campaign.id, tag=number, name=given.name, name_zh=given.name)


def correct(deps: Deps, registry: Registry, user: User, campaign: Stocktake, line_ids: Sequence[int] | None) -> shapes.CorrectOut:
    """Asks for the correction of each line that the ledger is wrong about; somebody else approves each at its asset."""
    check_closed(campaign)
    requested, refused = 0, list[shapes.RowErrorOut]()
    for line in deps.stocktakes.lines(campaign.id):
        if line.result not in _WRONG or line.correction not in {Correction.NONE, Correction.REFUSED}:
            continue
        if line_ids is not None and line.id not in line_ids:
            continue
        try:
            requested += _correct(deps, registry, user, campaign, line)
        except CaretakerError as error:
            refused.append(shapes.RowErrorOut(row=line.id, column=line.tag, message=str(error)))
    return shapes.CorrectOut(requested=requested, refused=refused)


def _correct(deps: Deps, registry: Registry, user: User, campaign: Stocktake, line: CountLine) -> bool:
    asset = asset_for(deps, registry, user, line.tag)
    request = correction_of(line, asset, campaign, user.username, user.roles)
    if request is None:
        return False
    do(deps, user, asset, request)
    deps.stocktakes.correct(replace(line, correction=Correction.REQUESTED))
    return True


def enter_surplus(deps: Deps, user: User, campaign: Stocktake, line_id: int, given: shapes.SurplusIn) -> Asset:
    """A new asset that waits until another person accepts it. Raises Conflict where it was entered already."""
    check_closed(campaign)
    line = next((one for one in deps.stocktakes.lines(campaign.id) if one.id == line_id), None)
    if line is None:
        raise NotFound(f"stocktake {campaign.id} has no line {line_id}")
    if line.result is not CountResult.SURPLUS or line.asset_id is not None:
        raise Conflict(f"{line.tag} is no surplus that waits to be entered")
    known, now = classed(given.class_code, None), deps.now()
    asset = Asset(
        tag="" if line.tag.startswith(UNLABELLED) else line.tag,
        class_code=given.class_code,
        class_name=known["class_name"],
        life_months=known["life_months"],
        name=line.name,
        name_zh=line.name_zh,
        acquired=Acquisition.SURPLUS,
        price_cents=0 if given.price is None else cents_of(given.price),
        space_id=line.found_space_id or campaign.space_id,
        remark=given.remark or f"stocktake {campaign.id} {line.note}".strip(),
        created_at=now,
        updated_at=now,
        created_by=user.username,
    )
    stored = deps.assets.insert(*register(asset, now))
    deps.stocktakes.correct(replace(line, correction=Correction.REQUESTED, asset_id=stored.id))
    deps.audit.append(now, user.username, "asset.register", stored.tag, f"stocktake {campaign.id}")
    return stored


def shown(deps: Deps, registry: Registry, campaign: Stocktake, lines: Iterable[CountLine] | None = None) -> shapes.StocktakeOut:
    counts = tally(deps.stocktakes.lines(campaign.id) if lines is None else lines)
    return shapes.StocktakeOut(
        id=campaign.id,
        name=campaign.name,
        space_id=campaign.space_id,
        space_path=present.place_path(registry, campaign.space_id or ""),
        class_code=campaign.class_prefix,
        opened_at=campaign.opened_at,
        opened_by=campaign.opened_by,
        closed_at=campaign.closed_at,
        closed_by=campaign.closed_by,
        counts=counts,
        total=sum(counts.values()),
    )


def line_out(registry: Registry, line: CountLine) -> shapes.CountLineOut:
    return shapes.CountLineOut(
        id=line.id,
        tag=line.tag,
        name=line.name,
        name_zh=line.name_zh,
        in_ledger=line.asset_id is not None,
        expected_path=present.place_path(registry, line.expected_space_id or ""),
        found_path=present.place_path(registry, line.found_space_id or ""),
        found_space_id=line.found_space_id,
        result=line.result,
        counted_by=line.counted_by,
        counted_at=line.counted_at,
        note=line.note,
        correction=line.correction,
    )
