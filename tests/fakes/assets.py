"""A plain asset to vary."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from devices.asset import Asset

_AT = datetime(2026, 11, 18, 4, 0, tzinfo=UTC)
_PLAIN = Asset(
    tag="T-1",
    class_code="A02100000",
    class_name="仪器仪表",
    name="Meter",
    name_zh="水表",
    created_at=_AT,
    updated_at=_AT,
    created_by="keeper",
)


def plain_asset(**changes: Any) -> Asset:
    return replace(_PLAIN, **changes)
