"""The platform about itself: what ingest tells of its spool, judged. Pure; the alerts role and the API share it.

Numbers rather than stored events, since a full disk or a database that is away must not hide that very fact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from analytics.finding import Finding, FindingKind

OWN_ID = "caretaker-ingest"
SILENT_S = 60.0
_PREFIX = "caretaker_ingest_"
_WAITING_S = 120.0
_MB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """`message`, `cause`: gettext msgids that `facts` fill."""

    message: str
    cause: str
    facts: Mapping[str, str | float] = field(default_factory=dict)


def judge(numbers: Mapping[str, float], now: datetime, *, since: datetime | None = None) -> dict[FindingKind, Trouble | None]:
    """By kind: the trouble, or None where all is well; what cannot be told now is left out.

    `numbers` as ingest writes them to data_dir/metrics, empty where it never did; `since`: when watching began, for what lies
    on the disk from an earlier run says nothing about this one.
    """
    if not numbers:
        return {}
    heard_s = numbers.get(_PREFIX + "updated_ms", 0.0) / 1000
    if since is not None:
        heard_s = max(heard_s, since.timestamp())
    if now.timestamp() - heard_s > SILENT_S:
        return {FindingKind.PLATFORM_INGEST_SILENT: _silent()}
    return {
        FindingKind.PLATFORM_INGEST_SILENT: None,
        FindingKind.PLATFORM_SPOOL_REFUSES: _refusing(numbers),
        FindingKind.PLATFORM_READINGS_WAIT: _waiting(numbers),
    }


def finding(kind: FindingKind, trouble: Trouble | None, *, space_id: str, now: datetime) -> Finding:
    """As it is stored; without a trouble it ends the active one, which keeps its words."""
    told = trouble or Trouble(message="", cause="")
    return Finding(
        kind=kind,
        device_id=OWN_ID,
        space_id=space_id,
        active=trouble is not None,
        score=1.0,
        started=now,
        seen=now,
        message=told.message,
        cause=told.cause,
        facts=told.facts,
    )


def _silent() -> Trouble:
    return Trouble(message="No word for more than a minute from what takes in measurements", cause="It has ended or hangs")


def _refusing(numbers: Mapping[str, float]) -> Trouble | None:
    if not numbers.get(_PREFIX + "refusing"):
        return None
    sizes = {"spool_mb": "spool_bytes", "limit_mb": "spool_limit_bytes", "free_mb": "disk_free_bytes"}
    facts = {fact: round(numbers.get(_PREFIX + name, 0.0) / _MB) for fact, name in sizes.items()}
    return Trouble(
        message="Spool %(spool_mb)s of %(limit_mb)s MB, %(free_mb)s MB of the disk free",
        cause="The disk is full, or the reading store is away or too slow",
        facts=facts,
    )


def _waiting(numbers: Mapping[str, float]) -> Trouble | None:
    limit_s = numbers.get(_PREFIX + "waiting_alarm_seconds", _WAITING_S)
    if numbers.get(_PREFIX + "spool_age_seconds", 0.0) <= limit_s:
        return None
    return Trouble(
        message="The reading store has taken none for some minutes, the spool keeps them",
        cause="The reading store is away or too slow",
    )
