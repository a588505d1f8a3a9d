"""How a device is doing, in one word: the same in the API, in its filters and on the screens."""

from enum import StrEnum


class DeviceStatus(StrEnum):
    ONLINE = "online"
    SLEEPING = "sleeping"  # it speaks seldom, and it is not late yet
    SILENT = "silent"
    NEVER = "never"  # never heard of
    RETIRED = "retired"


PRESENT = frozenset({DeviceStatus.ONLINE, DeviceStatus.SLEEPING})
