"""GST9000 fire alarm panels: what their printer port prints, caught by a serial gateway.

Each record: ESC 6, `yy/mm/dd  hh:mm`, a line with loop-component, ESC 9, then lines of GB2312 text: what, where, which detector.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingest.decoded import Attribute, Decoded, Happening, Outcome, Rejected
from ingest.families.json_fields import CHINA, word
from ingest.message import Message

_TIME = re.compile(r"(\d{2})/(\d{2})/(\d{2})\s+(\d{2}):(\d{2})")
_ADDRESS = re.compile(r"(\d{3})-(\d{3})")
_RECORD = b"\x1b6"
_PRINTER_CODE = re.compile(rb"\x1b.")
_KINDS = (
    ("复位", "system.reset"),
    ("主电故障", "fault.main_power"),
    ("备电故障", "fault.backup_power"),
    ("故障恢复", "fault.cleared"),
    ("恢复", "fault.cleared"),
    ("故障", "fault.component"),
    ("火警", "alarm.fire"),
    ("监管", "alarm.supervision"),
    ("解除屏蔽", "component.unshielded"),
    ("屏蔽", "component.shielded"),
    ("启动", "component.started"),
    ("反馈", "component.feedback"),
    ("消音", "system.muted"),
    ("手动", "system.manual"),
    ("自检", "system.self_test"),
    ("开机", "device.boot"),
)
"""Words of the first line, first match wins."""
_FIRST = "首"


def decode(message: Message, context: Mapping[str, Any]) -> Outcome:
    device_id = word(context.get("device_id")) or message.topic
    records = [record for record in message.payload.split(_RECORD) if _TIME.search(record.decode("gb18030", "replace"))]
    if not records:
        return Rejected("no printed record: nowhere a date and time yy/mm/dd hh:mm", device_id or None)
    outcomes = [_record(_PRINTER_CODE.sub(b"", record).decode("gb18030", "replace")) for record in records]
    happenings = [outcome for outcome in outcomes if isinstance(outcome, Happening)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    return (
        Decoded(device_id, happenings=happenings, refused=refused)
        if happenings
        else Rejected("; ".join(refused), device_id or None)
    )


def _record(printed: str) -> Happening | str:
    """The event, or why there is none."""
    found = _TIME.search(printed)
    if found is None:
        return "a record without a time"
    address = _ADDRESS.search(printed, found.end())
    lines = [line.strip() for line in printed[found.end() :].splitlines() if line.strip() and not _ADDRESS.fullmatch(line.strip())]
    if not lines:
        return "a record without text"
    kind = next((kind for words, kind in _KINDS if words in lines[0]), "system.message")
    attributes: dict[str, Attribute] = {"text": lines[0][:200]}
    if kind == "alarm.fire":
        attributes["first"] = lines[0].startswith(_FIRST)
    if address:
        attributes |= {"loop": int(address[1]), "component": int(address[2])}
    if len(lines) > 1:
        attributes["detector"] = lines[-1][:200]
    if len(lines) > 2:
        attributes["location"] = " ".join(lines[1:-1])[:200]
    return Happening(kind, _moment(found), attributes)


def _moment(found: re.Match[str]) -> int | None:
    year, month, day, hour, minute = (int(part) for part in found.groups())
    try:
        return round(datetime(2000 + year, month, day, hour, minute, tzinfo=CHINA).timestamp() * 1000)
    except ValueError:
        return None
