"""Names in a filter that mean nothing here: refused with the nearest name that does, rather than answered by an empty list."""

import difflib
import re
from collections.abc import Iterable

from api.deps import Deps
from api.permissions import CAMPUS_WIDE, may_see_space
from devices.errors import BadInput
from devices.registry import Registry
from storage.user import User

_EVENT_TYPE = re.compile(r"[\w.:/ -]{1,100}")


def check_device(deps: Deps, registry: Registry, caller: User, device_id: str | None) -> None:
    """Raises BadInput where no device and no virtual meter that the caller may see has this id."""
    if device_id is None:
        return
    seen = {device.id for device in registry.devices.values() if may_see_space(caller, registry, device.space_id)}
    if device_id in seen:
        return
    seen |= {meter.id for meter in deps.meters.virtual().values() if may_see_space(caller, registry, meter.space_id)}
    if device_id not in seen:
        raise BadInput(f"there is no device {device_id!r}; {_near(device_id, seen)}", place="device")


def person(deps: Deps, caller: User, name: str | None, *, place: str) -> str | None:
    """The user name; "me" is the caller. Raises BadInput where nobody has it; only who sees the whole campus learns that."""
    if name == "me":
        return caller.username
    if name is not None and caller.roles & CAMPUS_WIDE and deps.users.get(name) is None:
        near = _near(name, [user.username for user in deps.users.list()])
        raise BadInput(f'there is no user {name!r}; {near}, or use "me"', place=place)
    return name


def event_types(text: str | None) -> set[str] | None:
    """Comma-separated. Devices choose their words, so any of that form may come. Raises BadInput."""
    if text is None:
        return None
    types = {word.strip() for word in text.split(",")}
    wrong = next((word for word in sorted(types) if not _EVENT_TYPE.fullmatch(word)), None)
    if wrong is not None:
        raise BadInput(f"{wrong!r} is no event type: up to 100 letters, digits, dots such as door.forced", place="type")
    return types


def _near(wrong: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(wrong, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "nothing here has a name like it"
