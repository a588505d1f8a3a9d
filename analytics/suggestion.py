"""What the verdicts of people teach: the smallest change of one parameter that avoids false alarms and loses nothing real."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from analytics.finding import Finding, FindingKind
from analytics.parameters import AT_MOST_TIMES, Parameter, parameters_of

FACTORS = (1.1, 1.25, 1.5, 2.0, 3.0, 5.0)
"""What a suggestion tries, upwards and downwards: the smallest change that is enough is the one suggested."""
NEAR = timedelta(minutes=10)
"""Another threshold sees the same fault begin or end a little earlier or later."""

Rerun = Callable[[Mapping[str, float]], Sequence[Finding]]
"""What the detector raises in the history looked at with those parameters changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A finding that people have judged."""

    finding: Finding
    real: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Change `parameter` from `before` to `after`: of the judged findings, so many false ones avoided and real ones kept.

    `raised_before`, `raised_after`: all that would have been raised in the history looked at, judged or not.
    """

    kind: FindingKind
    parameter: str
    before: float
    after: float
    avoided: int
    false_alarms: int
    kept: int
    real: int
    raised_before: int
    raised_after: int


def suggest(kind: FindingKind, now: Mapping[str, float], rerun: Rerun, judged: Sequence[Judged]) -> Suggestion | None:
    """The smallest change of one parameter that avoids most false alarms and keeps every real finding; None where none does.

    `now`: parameters that differ from the shipped ones already. Only findings that the detector raises again with its present
    parameters count. Where five times more, or less, avoids nothing, smaller steps that way are not tried.
    """
    present = rerun({})
    seen = [one for one in judged if again(one.finding, present)]
    if all(one.real for one in seen):
        return None
    best: tuple[tuple[float, ...], Suggestion] | None = None
    for parameter in parameters_of(kind).values():
        before = now.get(parameter.name, parameter.value)
        for way in (FACTORS, tuple(1 / factor for factor in FACTORS)):
            for factor in reversed(way):
                after = _changed(parameter, before, factor)
                if after is None:
                    continue
                one = _suggestion(kind, (parameter.name, before, after), seen, (present, rerun({parameter.name: after})))
                if not one.avoided:
                    break
                rank = (-one.avoided, one.raised_before - one.raised_after, max(factor, 1 / factor))
                if one.kept == one.real and (best is None or rank < best[0]):
                    best = rank, one
    return best[1] if best else None


def again(finding: Finding, raised: Iterable[Finding]) -> bool:
    """Whether something raised at the same device is the same happening."""
    return any(
        one.device_id == finding.device_id and one.started - NEAR <= finding.seen and finding.started - NEAR <= one.seen
        for one in raised
    )


def _changed(parameter: Parameter, before: float, factor: float) -> float | None:
    """None where that is no change, or further from the shipped value than a rule may go."""
    after = float(round(before * factor)) if parameter.whole else float(f"{before * factor:.4g}")
    within = 1 / AT_MOST_TIMES <= after / (parameter.value or after or 1.0) <= AT_MOST_TIMES
    return after if after != before and within else None


def _suggestion(
    kind: FindingKind,
    change: tuple[str, float, float],
    judged: Sequence[Judged],
    raised: tuple[Sequence[Finding], Sequence[Finding]],
) -> Suggestion:
    before, after = raised
    still = [(one.real, again(one.finding, after)) for one in judged]
    return Suggestion(
        kind=kind,
        parameter=change[0],
        before=change[1],
        after=change[2],
        avoided=still.count((False, False)),
        false_alarms=sum(not real for real, _ in still),
        kept=still.count((True, True)),
        real=sum(real for real, _ in still),
        raised_before=len(before),
        raised_after=len(after),
    )
