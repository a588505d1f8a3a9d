"""Names become pseudonyms before they are stored."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from devices.errors import DependencyFailed
from devices.model import Event
from runtime.pseudonyms import KEY_FILE, PREFIX, PseudonymousEvents, person_key, pseudonym


def test_the_key_is_made_once_and_is_the_owners(tmp_path: Path) -> None:
    key = person_key(tmp_path)
    assert person_key(tmp_path) == key
    assert len(key) == 32
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_damaged_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(DependencyFailed, match="damaged"):
        person_key(tmp_path)


def test_no_name_reaches_the_store_and_a_pseudonym_stays() -> None:
    stored: list[Event] = []

    def append(events: Sequence[Event]) -> int:
        stored.extend(events)
        return len(events)

    store = PseudonymousEvents(append, b"k" * 32)
    one = Event(device_id="door", type="access.granted", ts_ms=1, attributes={"person": "王小明", "direction": "in"})
    store.append([one, Event(device_id="door", type="door.opened", ts_ms=2)])
    store.append(stored[:1])
    assert "王小明" not in repr(stored)
    assert stored[0].attributes["person"] == stored[2].attributes["person"] == pseudonym("王小明", b"k" * 32)
    assert str(stored[0].attributes["person"]).startswith(PREFIX)
    assert stored[0].attributes["direction"] == "in"
    assert pseudonym("王小明", b"j" * 32) != pseudonym("王小明", b"k" * 32)
