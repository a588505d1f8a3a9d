"""Detectors: their sheets and records, rules for a meter or a place, trials on history, verdicts about findings."""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from fastapi import APIRouter

from analytics.episodes import moment
from analytics.finding import Finding, FindingKind
from analytics.label import FindingLabel, SiteRecord
from analytics.parameters import LIFE_SAFETY, SWITCHED, TRIED, TUNED, check, sheet, unit_of
from analytics.records import data_sets, records_of
from analytics.rule import DetectorRule
from analytics.suggestion import again
from api import present
from api import schemas_detectors as shapes
from api.deps import Caller, Deps, DepsHere, RegistryHere
from api.guard import GuardedRoute
from api.inventory import device_for
from api.lessons import Lesson, judged_of, lessons, past_of
from api.paging import EntityId
from api.permissions import may_see_space, owned_spaces
from api.routes.spaces import space_for
from api.schemas import Page
from api.times import aware_range, to_ms
from api.trials import Past, Span
from devices.errors import BadInput, NotFound
from devices.registry import Registry
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["detectors"])
TRIAL = timedelta(days=28)
TRIAL_AT_MOST = timedelta(days=100)
SHOWN = 200
LABELS_SHOWN = 50


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
    found = _kind(kind)
    check(found, body.parameters)
    start, end = aware_range(body.start, body.end, zone=deps.site.zone, now=deps.now(), default=TRIAL)
    if end - start > TRIAL_AT_MOST:
        raise BadInput(f"at most {TRIAL_AT_MOST.days} days at once", place="start")
    device_ids = _devices(caller, registry, body.device_id, body.space_id)
    span = Span(start_ms=to_ms(start), end_ms=to_ms(min(end, deps.now())))
    past = past_of(deps, registry, found, device_ids, span)
    if past is None or not past.device_ids:
        raise BadInput("there is no device of that kind", place="device_id" if body.device_id else "space_id")
    now_raised = _of(past.raised({}), device_ids)
    raised = _of(past.raised(body.parameters), device_ids) if body.parameters else now_raised
    days = [max((one.seen - one.started) / timedelta(days=1), 1 / 24) for one in raised]
    return shapes.TrialOut(
        start=max(start, moment(past.looked_from_ms)),
        end=end,
        meters=len(set(past.device_ids) & set(device_ids)),
        left_out=past.left_out,
        before=len(now_raised),
        count=len(raised),
        cost=sum(one.waste.cost_per_day * share for one, share in zip(raised, days, strict=True)),
        kwh=sum(one.waste.kwh_per_day * share for one, share in zip(raised, days, strict=True)),
        m3=sum(one.waste.m3_per_day * share for one, share in zip(raised, days, strict=True)),
        kgco2e=sum(one.waste.kgco2e_per_day * share for one, share in zip(raised, days, strict=True)),
        verdicts=_agreement(deps, registry, found, past, (now_raised, raised)),
        items=[present.finding(registry, one, alert_id=None, with_evidence=True) for one in raised[:SHOWN]],
    )


@router.get(
    "/detectors/{kind}/suggestions", summary="What the false alarms teach: one change of a parameter for a device or a building"
)
def list_suggestions(kind: str, deps: DepsHere, registry: RegistryHere, caller: Caller) -> Page[shapes.SuggestionOut]:
    """Replays the judged findings of each device with false alarms, and of buildings where several devices have them; only what
    keeps every real finding is suggested.

    Nothing is ever suggested for what guards life.
    """
    found = _tuned(kind)
    labels = [one for one in deps.labels.standing(kind=found) if may_see_space(caller, registry, one.space_id)]
    items = [_suggestion(registry, lesson) for lesson in lessons(deps, registry, found, labels)]
    return Page(items=items, next=None)


@router.post("/detectors/{kind}/rules", status_code=201, summary="Other parameters for a meter or place, or off")
def enter_rule(kind: str, body: shapes.RuleIn, deps: DepsHere, registry: RegistryHere, caller: Caller) -> shapes.RuleOut:
    """Holds from the next turn of the analytics on. Fire and life-safety detectors cannot be switched off."""
    found = _kind(kind)
    if body.off and found not in SWITCHED:
        why = "it guards life" if found.startswith(LIFE_SAFETY) else "it guards the building, people or food"
        raise BadInput(f"{found} cannot be switched off: {why}", place="off")
    if body.parameters:
        check(_tuned(kind), body.parameters)
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


def _tuned(word: str) -> FindingKind:
    """Raises BadInput where no rule may change the detector."""
    kind = _kind(word)
    if kind.startswith(LIFE_SAFETY):
        raise BadInput(f"{kind} guards life: its parameters are those of the standard, for every site alike", place="kind")
    if kind not in TUNED:
        raise BadInput(f"{kind} has no parameter that a rule could change", place="kind")
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
        tuned=kind in TUNED,
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


def _of(findings: Iterable[Finding], device_ids: Collection[str]) -> list[Finding]:
    return [one for one in findings if one.device_id in device_ids]


def _agreement(
    deps: Deps, registry: Registry, kind: FindingKind, past: Past, raised: tuple[Sequence[Finding], Sequence[Finding]]
) -> list[shapes.TrialVerdictOut]:
    """What people said of findings within the span, beside what the trial says of them."""
    labels = {one.finding_id: one for one in deps.labels.standing(kind=kind, device_ids=past.device_ids)}
    judged = [one for one in judged_of(deps, labels.values()) if to_ms(one.finding.seen) >= past.looked_from_ms]
    before, after = raised
    return [
        shapes.TrialVerdictOut(
            finding_id=one.finding.id,
            device_name=registry.devices[one.finding.device_id].name,
            device_name_zh=registry.devices[one.finding.device_id].name_zh,
            started=one.finding.started,
            verdict=labels[one.finding.id].verdict,
            what=labels[one.finding.id].what,
            before=again(one.finding, before),
            told=again(one.finding, after),
            agrees=again(one.finding, after) is one.real,
        )
        for one in judged
        if one.finding.device_id in registry.devices
    ]


def _suggestion(registry: Registry, lesson: Lesson) -> shapes.SuggestionOut:
    found, device = lesson.suggestion, registry.devices.get(lesson.device_id or "")
    figures = {name: getattr(found, name) for name in shapes.SuggestionOut.model_fields if hasattr(found, name)}
    return shapes.SuggestionOut(
        device_id=lesson.device_id,
        device_name=device.name if device else None,
        device_name_zh=device.name_zh if device else None,
        space_id=lesson.space_id,
        space_path=present.place_path(registry, device.space_id if device else lesson.space_id or ""),
        unit=unit_of(found.parameter),
        **figures,
    )
