"""Times as callers give them → aware UTC. A time without a zone means the site's local time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from devices.errors import BadInput


def aware(given: datetime, zone: ZoneInfo) -> datetime:
    """Raises BadInput for a moment so near the ends of the calendar that it has no UTC."""
    try:
        local = given if given.tzinfo is not None else given.replace(tzinfo=zone)
        return local.astimezone(UTC)
    except OverflowError:
        raise BadInput(f"{given.isoformat()} is out of range; use a time between the years 1970 and 9990") from None


def aware_range(
    start: datetime | None, end: datetime | None, *, zone: ZoneInfo, now: datetime, default: timedelta
) -> tuple[datetime, datetime]:
    """[start, end) in UTC; `end` defaults to now, `start` to `default` before it. Raises BadInput where it is empty or absurd."""
    until = aware(end, zone) if end else now
    try:
        since = aware(start, zone) if start else until - default
    except OverflowError:
        raise BadInput("out of range; use a time between the years 1970 and 9990", place="end") from None
    if since >= until:
        raise BadInput("start must lie before end", place="start")
    if since.year < 1970 or until.year > 9990:
        raise BadInput("use times between the years 1970 and 9990", place="start, end")
    return since, until


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
