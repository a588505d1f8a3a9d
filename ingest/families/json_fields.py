"""Values out of foreign JSON: numbers and truths that come as text, times in seconds, milliseconds or ISO 8601."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

CHINA = timezone(timedelta(hours=8))

_TRUE = {"true", "on", "yes", "open", "opened", "detected", "alarm", "active", "1"}
_FALSE = {"false", "off", "no", "close", "closed", "clear", "normal", "inactive", "ok", "0"}
_MILLISECONDS_FROM, _MICROSECONDS_FROM = 1e11, 1e14
_BASIC_TIME = re.compile(r"\d{8}T\d{6}(?:\.\d+)?Z?")
_DEEPEST = 8
_LARGEST = 1e30


class Unusable(Exception):
    """Why a payload cannot be used; decoders turn it into a rejection."""


@lru_cache(maxsize=64)
def zone_named(name: str) -> tzinfo:
    """An IANA name. Raises Unusable."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unusable(f"no time zone {name[:40]!r}; use an IANA name such as Asia/Shanghai") from None


def loads(payload: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(f"not JSON: {error}") from None


def load_object(payload: bytes) -> dict[str, Any]:
    told = loads(payload)
    if not isinstance(told, dict):
        raise Unusable(f"the payload is {type(told).__name__}, not a JSON object")
    return told


def text(payload: bytes) -> str:
    """A bare word or number as payload."""
    try:
        return payload.decode().strip().strip('"')
    except UnicodeDecodeError:
        raise Unusable("the payload is not UTF-8 text") from None


def number(value: object) -> float | None:
    """Finite and of a size that instruments know, also from text; None for anything else, truths too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) <= _LARGEST else None


def truth(value: object) -> bool | None:
    """From true, 1, "ON", "open" and the like; None where it says neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in _TRUE:
        return True
    return False if word in _FALSE else None


def quantity(value: object) -> float | None:
    """A number or, failing that, a truth as 0 or 1."""
    found = number(value)
    if found is not None:
        return found
    said = truth(value)
    return None if said is None else float(said)


def word(value: object) -> str:
    """A short text, empty where it is none; numbers are written out."""
    if isinstance(value, str):
        return value.strip()
    return "" if isinstance(value, bool) or not isinstance(value, int | float) else str(value)


def obj(value: object) -> dict[str, Any]:
    """The value where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; a lone object counts as a list of one."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def epoch_ms(value: object, *, zone: tzinfo | None = None) -> int | None:
    """Epoch seconds, milliseconds or microseconds by their size, or ISO 8601 (basic form too); None where it tells no moment.

    Without an offset in the text, `zone` decides; without both the moment is unknown.
    """
    found = number(value)
    if found is not None and not (isinstance(value, str) and len(value) in (8, 14)):
        return _scaled_ms(found)
    if not isinstance(value, str):
        return None
    written = value.strip().replace("/", "-")
    if _BASIC_TIME.fullmatch(written):
        written = f"{written[:4]}-{written[4:6]}-{written[6:11]}:{written[11:13]}:{written[13:].removesuffix('Z')}+00:00"
    try:
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is None:
            if zone is None:
                return None
            moment = moment.replace(tzinfo=zone)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _scaled_ms(found: float) -> int | None:
    if found <= 0:
        return None
    if found >= _MICROSECONDS_FROM:
        found /= 1000
    elif found < _MILLISECONDS_FROM:
        found *= 1000
    return round(found) if found < _MICROSECONDS_FROM else None


def at(value: object, path: str) -> object:
    """The value behind a dotted path; None where it leads nowhere."""
    for key in path.split("."):
        if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict):
            value = value.get(key)
        else:
            return None
    return value


def leaves(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Every scalar of nested objects with its dotted path."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            if depth < _DEEPEST:
                yield from leaves(inner, f"{prefix}{key}.", depth + 1)
        elif not isinstance(inner, list):
            yield prefix + key, inner
