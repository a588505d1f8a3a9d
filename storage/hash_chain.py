"""A chain of hashes: each entry's hash covers the entry and the hash before it, so that no line can change unnoticed."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime

START = "0" * 64
"""What stands for the hash before the first entry."""


def link(previous: str, entry: Mapping[str, str | int | datetime | None]) -> str:
    """sha256 (hex) over the previous hash and the entry as canonical JSON; times in UTC to the microsecond."""
    return hashlib.sha256(
        f"{previous}\n{canonical_json({name: _plain(value) for name, value in entry.items()})}".encode()
    ).hexdigest()


def canonical_json(value: object) -> str:
    """Sorted keys, no spaces. Raises ValueError for NaN and infinity, which are not JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain(value: str | int | datetime | None) -> str | int | None:
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value
