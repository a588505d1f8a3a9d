"""What every store can keep: PostgreSQL refuses NUL in text, JSON knows no NaN, UTF-8 no lone surrogates."""

from collections.abc import Mapping
from math import isfinite

from ingest.decoded import Attribute

_LONGEST_NAME = 100


def text(value: str) -> str:
    """The same text, with a replacement character where a store would refuse one."""
    if value.isascii() and "\0" not in value:
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def name(value: str) -> str:
    """An event's type: printable, not empty, at most 100 characters."""
    shown = "".join(character if character.isprintable() else "_" for character in text(value[:_LONGEST_NAME]))
    return shown or "unnamed"


def attributes(told: Mapping[str, Attribute]) -> dict[str, Attribute]:
    """A number that is none becomes None."""
    return {text(key): _attribute(value) for key, value in told.items()}


def _attribute(value: Attribute) -> Attribute:
    if isinstance(value, str):
        return text(value)
    return None if isinstance(value, float) and not isfinite(value) else value
