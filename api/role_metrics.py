"""The numbers that the roles leave behind: `data_dir/metrics/<role>.json`, one {name: value} each."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

RoleMetrics = Mapping[str, Mapping[str, float]]


def read_role_metrics(directory: Path) -> RoleMetrics:
    """By role. A file that is not there yet or is just being replaced counts as empty."""
    found: dict[str, dict[str, float]] = {}
    for path in sorted(directory.glob("*.json")):
        try:
            values = msgspec.json.decode(path.read_bytes(), type=dict[str, object])
        except (OSError, msgspec.DecodeError):
            continue
        found[path.stem] = {name: float(value) for name, value in values.items() if isinstance(value, int | float)}
    return found
