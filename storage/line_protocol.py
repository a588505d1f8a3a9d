"""Readings as InfluxDB line protocol, written as text so that a reading costs no object.

One measurement per metric, tag `device`, fields `value` (float) and `quality` (integer):
`elec.power.active,device=em-1 value=1200.0,quality=0i 1763683200000`, times in milliseconds. So a Grafana user picks the metric
from the list of measurements and the meter from one tag. Both fields are always written: a second write of a key replaces both.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

from devices.errors import BadInput
from devices.model import Reading

_SPECIAL = re.compile(r"([,= ])")
_UNSPEAKABLE = re.compile(r"[%\x00-\x1f\x7f]|\\\Z|^[_#]")
"""What the protocol has no escape for, and `%`, by which we write these."""


def encode(readings: Iterable[Reading]) -> bytes:
    """One line per reading, in their order; where a key comes twice only its last line."""
    lines = {
        (device, metric, ts): f"{escape(metric)},device={escape(device)} value={float(value)!r},quality={quality}i {ts}"
        for device, metric, ts, value, quality in readings
    }
    return "\n".join(lines.values()).encode()


@lru_cache(maxsize=65_536)
def escape(name: str) -> str:
    """`stored(name)` as it stands in a line."""
    return _SPECIAL.sub(r"\\\1", stored(name))


def stored(name: str) -> str:
    """The name as the server keeps and shows it. Nearly always the name itself."""
    if not name:
        raise BadInput("a device id or metric is empty; readings without a name cannot be kept")
    return _UNSPEAKABLE.sub(lambda match: f"%{ord(match[0]):02X}", name)


def plain(stored_name: str) -> str:
    """Undoes `stored`."""
    return unquote(stored_name)
