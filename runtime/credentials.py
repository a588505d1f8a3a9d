"""Who may speak to our broker besides our own roles: a name, a hashed password and a topic list each, made by command."""

import fcntl
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from devices.errors import BadInput, Conflict, DependencyFailed, NotFound
from ingest.topic_filter import check_filter, mqtt_filter

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FILE = "broker-credentials.json"
PID_FILE = "mosquitto.pid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """`password_hash` as Mosquitto writes it; the password itself is kept nowhere."""

    name: str
    password_hash: str
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()


def load(data_dir: Path) -> tuple[Credential, ...]:
    """By name. Raises BadInput where the file was damaged."""
    path = _path(data_dir)
    try:
        told = json.loads(path.read_text())
        return tuple(Credential(**{**one, "write": tuple(one["write"]), "read": tuple(one["read"])}) for one in told)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput(
            f"cannot read the broker's credentials: {error}; restore the file, or remove it and add them anew", place=str(path)
        ) from None


def add(data_dir: Path, name: str, *, write: Sequence[str], read: Sequence[str] = (), taken: Sequence[str] = ()) -> str:
    """The new password, told once. `taken`: names of our own roles. Raises BadInput, Conflict."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name for a credential; use up to 64 letters, digits, . _ and -", place="NAME")
    if name in taken:
        raise Conflict(f"{name!r} is one of Caretaker's own parts; choose another name")
    if not write and not read:
        raise BadInput("a credential without topics could do nothing; give --write FILTER", place="--write")
    allowed = {"write": tuple(map(_checked, write)), "read": tuple(map(_checked, read))}
    password = secrets.token_urlsafe(18)
    with _changing(data_dir) as save:
        known = load(data_dir)
        if any(one.name == name for one in known):
            raise Conflict(f"the name {name!r} is taken; remove it first, or choose another")
        password_hash = hashed(name, password, _path(data_dir).parent)
        save([*known, Credential(name=name, password_hash=password_hash, **allowed)])
    return password


def remove(data_dir: Path, name: str) -> None:
    """Raises NotFound."""
    with _changing(data_dir) as save:
        known = load(data_dir)
        if not any(one.name == name for one in known):
            raise NotFound(f"no credential {name!r}; see caretaker broker credentials list")
        save([one for one in known if one.name != name])


def hashed(name: str, password: str, directory: Path) -> str:
    """By Mosquitto's own tool. It reads a file of ours, so that the password stands on no command line."""
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        raise BadInput("mosquitto_passwd is not installed; install the package mosquitto (apt-get install mosquitto)")
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        path = Path(folder) / "password"
        path.touch(mode=0o600)
        path.write_text(f"{name}:{password}\n")
        done = subprocess.run([tool, "-U", str(path)], capture_output=True, text=True, check=False)  # noqa: S603 - a fixed program on our own file
        if done.returncode != 0:
            raise DependencyFailed(f"mosquitto_passwd could not hash the password: {done.stderr.strip()}", transient=False)
        return path.read_text().strip().partition(":")[2]


def reload(data_dir: Path) -> bool:
    """Tells the running broker to read its lists again; False where none runs."""
    with suppress(OSError, ValueError):
        pid = int((data_dir / "broker" / PID_FILE).read_text())
        if "mosquitto" in Path(f"/proc/{pid}/comm").read_text():  # never a stranger who got the number of one that died
            os.kill(pid, signal.SIGHUP)
            return True
    return False


def _checked(pattern: str) -> str:
    if "\n" in pattern or pattern != pattern.strip():
        raise BadInput(f"{pattern!r} is no topic filter; it begins and ends without spaces")
    return mqtt_filter(check_filter(pattern))


def _path(data_dir: Path) -> Path:
    return data_dir / "secrets" / _FILE


@contextmanager
def _changing(data_dir: Path) -> Iterator[Callable[[Sequence[Credential]], None]]:
    """One at a time; the file is complete or the one before."""
    path = _path(data_dir)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def save(credentials: Sequence[Credential]) -> None:
        partial = path.with_name(path.name + ".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps([asdict(one) for one in credentials], indent=1))
        partial.replace(path)

    with (path.parent / (_FILE + ".lock")).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield save
