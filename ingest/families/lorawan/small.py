"""Makers with one fixed layout.

Aquascope FLO (FPort 10, 4 bytes), Talkpool OY1320 (FPort 2, records of 6 or 9 bytes).
"""

from ingest.families.lorawan.uplink import Meaning, Uplink, signed, unsigned

_FULL = 100


def aquascope(uplink: Uplink) -> Meaning | None:
    """Flags (bit 0 leak, bit 1 remote), battery %, temperature as 16 bits with sign."""
    data = uplink.payload
    if uplink.port != 10 or len(data) != 4 or data[0] > 3 or data[1] > _FULL:
        return None
    meaning = Meaning()
    meaning.state("leak", bool(data[0] & 1), "alarm.leak")
    meaning.put("battery.level", data[1])
    meaning.put("env.temperature", signed(data[2:4]))
    return meaning


def talkpool(uplink: Uplink) -> Meaning | None:
    """OY1320: record type 01, interval, then the pulse counter of four bytes; litres per pulse are the installation's."""
    data = uplink.payload
    if uplink.port != 2 or len(data) not in (6, 9) or data[0] != 1 or (uplink.kind != "water" and not uplink.is_model("talkpool")):
        return None
    meaning = Meaning()
    meaning.put("counter.pulses", unsigned(data[2:6]))
    return meaning
