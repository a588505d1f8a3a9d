"""How simulated devices take commands: valves of water meters, breakers of electricity meters, locks of doors."""

import json
from dataclasses import dataclass

from devices.command import CommandName, commands_of
from devices.model import Device

_CLOSES = frozenset({CommandName.VALVE_CLOSE, CommandName.BREAKER_OFF, CommandName.DOOR_RELEASE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """`closes`: the valve is closed, the breaker off or the lock released from now on; `id` is None where none was told."""

    id: int | None
    ok: bool
    closes: bool
    detail: str

    @property
    def answer(self) -> bytes:
        return json.dumps({"id": self.id or 0, "ok": self.ok, "detail": self.detail}).encode()


def obeyed(device: Device, payload: bytes, now_s: float) -> Commanded:
    """What the device makes of a message on its command topic; it refuses what it does not know and what came too late."""
    try:
        told = json.loads(payload)
        number, name, expires_s = int(told["id"]), CommandName(told["name"]), float(told["expires"])
    except (ValueError, KeyError, TypeError):
        return Commanded(id=None, ok=False, closes=False, detail="not understood")
    if name not in commands_of(device):
        return Commanded(id=number, ok=False, closes=False, detail=f"this device does not know {name.value}")
    if now_s >= expires_s:
        return Commanded(id=number, ok=False, closes=False, detail="it came too late")
    return Commanded(id=number, ok=True, closes=name in _CLOSES, detail=f"{name.value} done")
