"""Names and card numbers at doors become pseudonyms before they are stored: a keyed hash with a secret of this installation."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from devices.errors import DependencyFailed
from devices.model import Event

KEY_FILE = "person-key"
PREFIX = "p~"
_LEAST_BYTES = 32
_PERSONAL = ("person", "card", "card_number", "employee", "user", "username")

Attributes = dict[str, str | float | bool | None]


def person_key(data_dir: Path) -> bytes:
    """The installation's secret, made on first use and readable by its owner only. Without it nobody can tell who was who;
    with another one, old and new pseudonyms of a person differ. Raises DependencyFailed where it cannot be kept.
    """
    path = data_dir / KEY_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise DependencyFailed(
            f"cannot keep the secret for pseudonyms: {error}; make {data_dir} writable", transient=False
        ) from None
    if len(key) < _LEAST_BYTES:
        raise DependencyFailed(f"{path} is damaged; restore the file, or remove it", transient=False)
    return key


def _make(path: Path) -> None:
    """Whole or not at all, and of two processes that start together the first one's stands."""
    mine = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_LEAST_BYTES))
        os.fsync(file.fileno())
    try:
        os.link(mine, path)
    except FileExistsError:
        return
    finally:
        mine.unlink()


def pseudonym(name: str, key: bytes) -> str:
    """The same person is always the same word, which says nothing of who it is. 64 bits: no two of a campus collide."""
    return PREFIX + hmac.new(key, name.encode(), hashlib.sha256).hexdigest()[:16]


def pseudonymous(event: Event, key: bytes) -> Event:
    """The event without names; what is a pseudonym already stays."""
    personal = {name: value for name in _PERSONAL if _is_name(value := event.attributes.get(name))}
    if not personal:
        return event
    hidden = {name: pseudonym(str(value), key) for name, value in personal.items()}
    return replace(event, attributes={**event.attributes, **hidden})


def _is_name(value: object) -> bool:
    told = isinstance(value, str | int | float) and not isinstance(value, bool) and str(value) != ""
    return told and not str(value).startswith(PREFIX)


class PseudonymousEvents:
    """An event store that is given no names."""

    def __init__(self, append: Callable[[Sequence[Event]], int], key: bytes) -> None:
        self._append, self._key = append, key

    def append(self, events: Sequence[Event]) -> int:
        return self._append([pseudonymous(event, self._key) for event in events])
