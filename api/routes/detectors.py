"""Detectors: their sheets and records, rules for a meter or a place, trials on history, verdicts about findings."""

from collections.abc import Iterable
from datetime import timedelta

from fastapi import APIRouter

from analytics.finding import Finding, FindingKind
from analytics.label import FindingLabel, SiteRecord, Verdict
from analytics.parameters import HOURLY_RULES, SWITCHED, TRIED, check, sheet, unit_of
from analytics.records import data_sets, records_of
from analytics.rule import DetectorRule
from analytics.tuning import Judged
from api import present
from api import schemas_detectors as shapes
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.inventory import device_for
from api.paging import EntityId
from api.permissions import may_see_space, owned_spaces
from api.routes.spaces import space_for
from api.schemas import Page
from api.times import aware_range, to_ms
from api.trials import LEARN, METERS_AT_MOST, History, Span, meters_for, with_changes
from devices.errors import BadInput, NotFound
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["detectors"])
TRIAL = timedelta(days=28)
TRIAL_AT_MOST = timedelta(days=100)
SHOWN = 200
LABELS_SHOWN = 50
LIFE_SAFETY = "fire."


@router.get("/detectors", summary="Every detector with its record")
def list_detectors(deps: DepsHere, registry: RegistryHere, caller: Caller) -> Page[shapes.DetectorOut]:
    here = deps.labels.records(owned_spaces(caller, registry))
    rules = [rule for rule in deps.rules.list(standing=True) if _may_see(caller, registry, rule)]
    kinds = [kind for kind in FindingKind if sheet(kind) is not None]
    items = [_shown(kind, here.get(kind, SiteRecord()), sum(rule.kind is kind for rule in rules)) for kind in kinds]
    return Page(items=items, next=None)


@router.get("/detector-records", summary="The labelled data sets on which the shipped detectors were measured, with their figures")
def list_data_sets() -> Page[shapes.DataSetOut]:
    items = [
        shapes.DataSetOut(name=one.name, about=one.about, command=one.command, figures=dict(one.figures)) for one in data_sets()
    ]
    return Page(items=items, next=None)


@router.get("/detectors/{kind}", summary="One detector: what for, when it fails, its parameters, record, rules and labels")
def get_detector(kind: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.DetectorDetail:
    found = _kind(kind)
    facts = sheet(found)
    assert facts is not None
    here = deps.labels.records(owned_spaces(caller, registry)).get(found, SiteRecord())
    rules = [rule for rule in deps.rules.list(kind=found) if _may_see(caller, registry, rule)]
    standing = [_rule(registry, rule) for rule in rules if rule.undone_at is None]
    labels = [one for one in deps.labels.standing(kind=found) if may_see_space(caller, registry, one.space_id)]
    return shapes.DetectorDetail(
        **dict(_shown(found, here, len(standing))),
        rule=facts.rule,
        what_for=facts.what_for,
        when_it_fails=facts.when_it_fails,
        reference=facts.reference,
        meaning=facts.meaning,
        parameters=[
            shapes.ParameterOut(name=one.name, value=one.value, unit=one.unit, whole=one.whole) for one in facts.parameters
        ],
        standing=standing,
        undone=[_rule(registry, rule) for rule in rules if rule.undone_at is not None],
        labels=[label(one) for one in labels[:LABELS_SHOWN]],
    )


@router.post("/detectors/{kind}/trial", summary="Try a detector on history")
def try_on_history(kind: str, body: shapes.TrialIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.TrialOut:
    """What it would have raised, with evidence and cost. Nothing is stored and nobody is told."""
    found = _tried(kind)
    check(found, body.parameters)
    start, end = aware_range(body.start, body.end, zone=deps.site.zone, now=deps.now(), default=TRIAL)
    if end - start > TRIAL_AT_MOST:
        raise BadInput(f"at most {TRIAL_AT_MOST.days} days at once", place="start")
    device_ids = _devices(caller, registry, body.device_id, body.space_id)
    all_meters = meters_for(deps, registry, found, device_ids)
    meters = dict(list(all_meters.items())[:METERS_AT_MOST])
    if not meters:
        raise BadInput("there is no meter of that kind", place="device_id" if body.device_id else "space_id")
    history = History(deps, meters, Span(start_ms=to_ms(start), end_ms=to_ms(min(end, deps.now()))))
    present_ones = history.trial(found, meters)
    raised = history.trial(found, with_changes(meters, found, body.parameters)) if body.parameters else present_ones
    days = [max((one.seen - one.started) / timedelta(days=1), 1 / 24) for one in raised]
    return shapes.TrialOut(
        start=start,
        end=end,
        meters=len(meters),
        left_out=len(all_meters) - len(meters),
        before=len(present_ones),
        count=len(raised),
        cost=sum(one.waste.cost_per_day * share for one, share in zip(raised, days, strict=True)),
        kwh=sum(one.waste.kwh_per_day * share for one, share in zip(raised, days, strict=True)),
        m3=sum(one.waste.m3_per_day * share for one, share in zip(raised, days, strict=True)),
        kgco2e=sum(one.waste.kgco2e_per_day * share for one, share in zip(raised, days, strict=True)),
        items=[present.finding(registry, one, alert_id=None, with_evidence=True) for one in raised[:SHOWN]],
    )


@router.get("/detectors/{kind}/suggestions", summary="What the false alarms teach: one change of a parameter for each meter")
def list_suggestions(kind: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> Page[shapes.SuggestionOut]:
    """Replays the judged findings of each meter with false alarms; only what keeps every real finding is suggested."""
    found = _tried(kind)
    labels = [one for one in deps.labels.standing(kind=found) if may_see_space(caller, registry, one.space_id)]
    wrong = list(dict.fromkeys(one.device_id for one in labels if one.verdict is Verdict.FALSE_ALARM))[:METERS_AT_MOST]
    items = [
        one for device_id in wrong for one in _suggested(deps, registry, found, [x for x in labels if x.device_id == device_id])
    ]
    return Page(items=items, next=None)


@router.post("/detectors/{kind}/rules", status_code=201, summary="Other parameters for a meter or place, or off")
def enter_rule(kind: str, body: shapes.RuleIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.RuleOut:
    """Holds from the next turn of the analytics on. Fire and life-safety detectors cannot be switched off."""
    found = _kind(kind)
    if body.off and found not in SWITCHED:
        why = "it guards life" if found.startswith(LIFE_SAFETY) else "it is judged in the alarm path"
        raise BadInput(f"{found} cannot be switched off: {why}", place="off")
    if body.parameters:
        check(_tried(kind), body.parameters)
    _devices(caller, registry, body.device_id, body.space_id)
    if body.space_id is not None and not may_see_space(caller, registry, body.space_id):
        raise BadInput("a rule for the whole site is for somebody who sees all of it; name one of your buildings", place="space_id")
    now = deps.now()
    rule = deps.rules.enter(
        DetectorRule(
            kind=found,
            device_id=body.device_id,
            space_id=body.space_id,
            off=body.off,
            parameters=body.parameters,
            reason=body.reason,
            basis=body.basis,
            entered_by=caller.username,
            entered_at=now,
        )
    )
    told = "off" if body.off else ", ".join(f"{name} = {value:g}" for name, value in body.parameters.items())
    deps.audit.append(now, caller.username, "detector.rule", f"{found} {body.device_id or body.space_id}", f"{told}: {body.reason}")
    return _rule(registry, rule)


@router.post("/detectors/{kind}/rules/{rule_id}/undo", summary="Undo a rule")
def undo_rule(kind: str, rule_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.RuleOut:
    """It stays on record; from the next turn on the shipped parameters, or the rule before it, hold again."""
    rule = deps.rules.get(rule_id)
    if rule.kind != _kind(kind) or not _may_see(caller, registry, rule):
        raise NotFound(f"there is no rule {rule_id}")
    now = deps.now()
    undone = deps.rules.undo(rule_id, by=caller.username, at=now)
    deps.audit.append(now, caller.username, "detector.rule.undo", f"{rule.kind} {rule.device_id or rule.space_id}", str(rule_id))
    return _rule(registry, undone)


@router.get("/findings/{finding_id}/verdicts", summary="What people said of a finding, newest first")
def list_verdicts(finding_id: EntityId, deps: DepsHere, registry: RegistryHere, caller: Caller) -> Page[shapes.LabelOut]:
    _finding(deps, registry, caller, finding_id)
    return Page(items=[label(one) for one in deps.labels.of_finding(finding_id)], next=None)


@router.post("/findings/{finding_id}/verdicts", status_code=201, summary="Say whether a finding was real, and what it was")
def give_verdict(
    finding_id: EntityId, body: shapes.VerdictIn, deps: DepsHere, registry: RegistryHere, caller: Caller
) -> shapes.LabelOut:
    """It counts in the detector's record at once; a later word about the same finding stands before an earlier one."""
    finding, now = _finding(deps, registry, caller, finding_id), deps.now()
    given = deps.labels.give(
        FindingLabel(
            finding_id=finding.id,
            kind=finding.kind,
            device_id=finding.device_id,
            space_id=finding.space_id,
            verdict=body.verdict,
            what=body.what,
            note=body.note,
            given_by=caller.username,
            given_at=now,
        )
    )
    deps.audit.append(now, caller.username, "finding.verdict", str(finding_id), " ".join((body.verdict, body.what)).strip())
    deps.bus("finding", finding_id)
    return label(given)


def label(one: FindingLabel) -> shapes.LabelOut:
    return shapes.LabelOut(**{name: getattr(one, name) for name in shapes.LabelOut.model_fields})


def _kind(word: str) -> FindingKind:
    """Raises NotFound for what no detector finds."""
    kind = next((kind for kind in FindingKind if kind == word), None)
    if kind is None or sheet(kind) is None:
        raise NotFound(f"there is no detector {word!r}; GET /api/v1/detectors lists them")
    return kind


def _tried(word: str) -> FindingKind:
    """Raises BadInput where the detector has no history to be tried on."""
    kind = _kind(word)
    if kind not in TRIED:
        raise BadInput(f"{kind} judges single messages; there is no stored history to try it on", place="kind")
    return kind


def _shown(kind: FindingKind, here: SiteRecord, rules: int) -> shapes.DetectorOut:
    sets = {one.name: one for one in data_sets()}
    records = [
        shapes.RecordOut(
            about=sets[one.data_set].about,
            command=sets[one.data_set].command,
            **{name: getattr(one, name) for name in shapes.RecordOut.model_fields if name not in ("about", "command")},
        )
        for one in records_of(kind)
    ]
    return shapes.DetectorOut(
        kind=kind,
        tried=kind in TRIED,
        switched=kind in SWITCHED,
        life_safety=kind.startswith(LIFE_SAFETY),
        records=records,
        here=shapes.SiteRecordOut(
            judged=here.judged, real=here.real, false_alarms=here.false_alarms, unproven=here.unproven, precision=here.precision
        ),
        rules=rules,
    )


def _rule(registry: Registry, rule: DetectorRule) -> shapes.RuleOut:
    device = registry.devices.get(rule.device_id or "")
    space_id = device.space_id if device else rule.space_id or ""
    return shapes.RuleOut(
        **{name: getattr(rule, name) for name in DetectorRule.__dataclass_fields__},
        device_name=device.name if device else None,
        device_name_zh=device.name_zh if device else None,
        space_path=present.place_path(registry, space_id),
    )


def _may_see(caller: User, registry: Registry, rule: DetectorRule) -> bool:
    device = registry.devices.get(rule.device_id or "")
    return may_see_space(caller, registry, device.space_id if device else rule.space_id or "")


def _devices(caller: User, registry: Registry, device_id: str | None, space_id: str | None) -> list[str]:
    """Raises BadInput where not exactly one is given, or for what the caller may not name."""
    if (device_id is None) == (space_id is None):
        raise BadInput("give device_id or space_id, one of them", place="space_id")
    try:
        if device_id is not None:
            return [device_for(caller, registry, device_id).id]
        inside = {space.id for space in registry.within(space_for(caller, registry, str(space_id)).id)}
    except NotFound as error:
        raise BadInput(str(error), place="device_id" if device_id else "space_id") from None
    return sorted(
        device.id
        for device in registry.devices.values()
        if device.space_id in inside and may_see_space(caller, registry, device.space_id)
    )


def _finding(deps: Deps, registry: Registry, caller: User, finding_id: int) -> Finding:
    finding = deps.findings.get(finding_id)
    if not may_see_space(caller, registry, finding.space_id):
        raise NotFound(f"there is no finding {finding_id}")
    return finding


def _suggested(deps: Deps, registry: Registry, kind: FindingKind, labels: Iterable[FindingLabel]) -> Iterable[shapes.SuggestionOut]:
    """For one meter. Only hourly detectors learn this way."""
    judged = [
        Judged(finding=deps.findings.get(one.finding_id), real=one.verdict is Verdict.REAL)
        for one in labels
        if one.verdict in (Verdict.REAL, Verdict.FALSE_ALARM)
    ]
    device_id = judged[0].finding.device_id
    meters = meters_for(deps, registry, kind, [device_id])
    if kind not in HOURLY_RULES or not meters:
        return
    begin = max(min(one.finding.started for one in judged), deps.now() - timedelta(days=300))
    found = History(deps, meters, Span(start_ms=to_ms(begin - LEARN), end_ms=to_ms(deps.now()))).suggestion(kind, judged)
    if found is not None:
        figures = {name: getattr(found, name) for name in shapes.SuggestionOut.model_fields if hasattr(found, name)}
        yield shapes.SuggestionOut(device_id=device_id, unit=unit_of(found.parameter), **figures)
