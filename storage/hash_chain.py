"""A chain of hashes: each entry's hash covers the entry and the hash before it, so that no line can change unnoticed."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

START = "0" * 64
"""What stands for the hash before the first entry."""


def link(previous: str, entry: Mapping[str, str | int | datetime | None]) -> str:
    """sha256 (hex) over the previous hash and the entry as canonical JSON; times in UTC to the microsecond."""
    plain = {name: _plain(value) for name, value in entry.items()}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def unbroken(lines: Iterable[Mapping[Any, Any]], head: str) -> bool:
    """Whether stored lines (with their `id` and `hash`, oldest first) form one chain from START that ends in `head`."""
    previous = START
    for line in lines:
        previous = link(previous, {name: line[name] for name in line if name not in {"id", "hash"}})
        if previous != line["hash"]:
            return False
    return previous == head


def _plain(value: str | int | datetime | None) -> str | int | None:
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value
