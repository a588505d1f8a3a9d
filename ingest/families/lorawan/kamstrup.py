"""Kamstrup flowIQ water and Multical heat meters over LoRaWAN, FPort 1: wireless M-Bus application data (CI 78 or 7A) as payload.

Total and time carry storage 1; hourly profiles (VIFE 13) go back from them. The meter's clock is taken as UTC.
"""

from datetime import UTC, timedelta

from ingest.families.lorawan.uplink import Meaning, Unusable, Uplink
from ingest.families.mbus_meaning import HEAT, WATER, Meter, quantity_of, understand
from ingest.families.mbus_records import Damaged, Record, moment, profile, read

_NO_HEADER, _SHORT_HEADER, _SHORT_SIZE = 0x78, 0x7A, 5
_DATE_AND_TIME, _VOLUME = 0x6D, range(0x10, 0x18)
_PROFILE = 0x13
_INFO_CODE = 0x25
_INFO_BITS = (
    (1, "dry", ""),
    (2, "backflow", "alarm.backflow"),
    (4, "leak", "alarm.leak"),
    (8, "burst", "alarm.burst"),
    (16, "tamper", "alarm.tamper"),
    (32, "battery.low", "fault.battery_low"),
)


def decode(uplink: Uplink) -> Meaning | None:
    data = uplink.payload
    is_ours = uplink.is_model("kamstrup", "flowiq", "multical")
    start = {_NO_HEADER: 1, _SHORT_HEADER: _SHORT_SIZE}.get(data[0]) if data else None
    if start is None or (uplink.port not in (1, None) and not is_ours):
        return None
    try:
        records = [record for record in read(data[start:]) if isinstance(record, Record)]
    except Damaged as damage:
        if is_ours:
            raise Unusable(f"Kamstrup: {damage}") from None
        return None
    return _meaning(records, HEAT if uplink.is_model("multical") else WATER)


def _meaning(records: list[Record], medium: str) -> Meaning:
    """Records of storage 1 are the ones of now, so they count as storage 0."""
    meaning = Meaning()
    current = [record._replace(storage=0) for record in records if record.storage <= 1 and _PROFILE not in record.extensions]
    told = understand(current, Meter("KAM", medium))
    meaning.values.update(told.values)
    moments = [found for record in records if record.vif == _DATE_AND_TIME and record.table == 0 if (found := moment(record))]
    if moments:
        meaning.ts_ms = round(moments[0].replace(tzinfo=UTC).timestamp() * 1000)
    for record in records:
        if record.table == 0xFF and record.vif == _INFO_CODE:
            _information(meaning, record.unsigned)
        elif _PROFILE in record.extensions and record.vif in _VOLUME:
            _history(meaning, record)
    if meaning.is_empty:
        meaning.event("raw.frame", detail="a profile without its base value")
    return meaning


def _history(meaning: Meaning, record: Record) -> None:
    """Each value is what was used in the hour before; None ends what can be told."""
    if "water.volume" not in meaning.values or meaning.ts_ms is None or len(record.data) < 2:
        return
    spacing, differences = profile(record)
    quantity = quantity_of(record)
    if spacing is None or quantity is None:
        meaning.refused.append("a profile of a spacing that is not supported")
        return
    volume, seconds = meaning.values["water.volume"], meaning.ts_ms // 1000
    for difference in differences:
        if difference is None:
            break
        volume -= difference * quantity.factor
        seconds -= int(spacing / timedelta(seconds=1))
        if volume < -quantity.factor / 2:
            break
        meaning.at(seconds, {"water.volume": max(volume, 0.0)})


def _information(meaning: Meaning, flags: int) -> None:
    for bit, name, alarm in _INFO_BITS:
        if name == "dry":
            if flags & bit:
                meaning.event("fault.empty_pipe")
        else:
            meaning.state(name, bool(flags & bit), alarm)
