"""Our own broker: Mosquitto with a password and a topic list per role, no anonymous access and raised queues."""

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from devices.errors import BadInput, DependencyFailed
from runtime.settings import Settings

ROLE_TOPICS: dict[str, tuple[tuple[str, str], ...]] = {
    "ingest": (
        ("read", "caretaker/v1/+/+/telemetry"),
        ("read", "caretaker/v1/+/+/event"),
        ("read", "caretaker/v1/+/+/status"),
        ("write", "caretaker/v1/{site}/bus/#"),
    ),
    "alerts": (
        ("read", "caretaker/v1/{site}/+/telemetry"),
        ("read", "caretaker/v1/{site}/+/event"),
        ("readwrite", "caretaker/v1/{site}/bus/#"),
    ),
    "analytics": (("readwrite", "caretaker/v1/{site}/bus/#"),),
    "api": (("readwrite", "caretaker/v1/{site}/bus/#"),),
    "simulator": (
        ("write", "caretaker/v1/{site}/+/telemetry"),
        ("write", "caretaker/v1/{site}/+/event"),
        ("write", "caretaker/v1/{site}/+/status"),
    ),
}
"""Which topics each role may touch; everything else is refused."""

PACKET_LIMIT_BYTES = 65_536

_CONFIGURATION = """\
# Written by Caretaker at each start; change caretaker.toml instead.
listener {port} {host}
allow_anonymous false
password_file {directory}/passwords
acl_file {directory}/acl
user {user}
persistence true
persistence_location {directory}/
autosave_interval 30
# A broker is not the buffer: ingest acknowledges what lies fsynced in its spool. These limits only bridge a restart of ingest.
max_queued_messages 1000000
max_queued_bytes 1073741824
max_inflight_messages 1000
max_packet_size {packet_limit}
set_tcp_nodelay true
log_dest stdout
log_type error
log_type warning
log_type notice
connection_messages false
"""


def ensure_passwords(settings: Settings) -> None:
    """A random password for each role, made once, readable by the owner only."""
    directory = settings.data_dir / "secrets"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for role in ROLE_TOPICS:
        path = directory / f"mqtt-{role}.password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24) + "\n")


def write_private(path: Path, text: str) -> None:
    """A file that only its owner may read, complete or not there at all."""
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)


def mosquitto_binary() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def configuration(settings: Settings, directory: Path, user: str) -> str:
    return _CONFIGURATION.format(
        port=settings.mqtt.port, host=settings.mqtt.host, directory=directory, user=user, packet_limit=PACKET_LIMIT_BYTES
    )


def access_list(settings: Settings) -> str:
    """Mosquitto's ACL file: the table above, spelled out for this site."""
    blocks = []
    for role, topics in ROLE_TOPICS.items():
        lines = [f"user {role}", *(f"topic {access} {topic.format(site=settings.site.id)}" for access, topic in topics)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def write_configuration(settings: Settings) -> Path:
    """Writes mosquitto.conf, its ACL and its hashed passwords under data_dir/broker. Raises BadInput where Mosquitto is missing."""
    directory = (settings.data_dir / "broker").absolute()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(directory / "acl", access_list(settings))
    _write_passwords(settings, directory / "passwords")
    path = directory / "mosquitto.conf"
    write_private(path, configuration(settings, directory, _current_user()))
    return path


def _write_passwords(settings: Settings, path: Path) -> None:
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        raise BadInput("mosquitto_passwd is not installed; install the package mosquitto (apt-get install mosquitto)")
    partial = path.with_name("passwords.new")
    write_private(partial, "".join(f"{role}:{_password(settings, role)}\n" for role in ROLE_TOPICS))
    done = subprocess.run([tool, "-U", str(partial)], capture_output=True, text=True, check=False)  # noqa: S603 - a fixed program on our own file
    if done.returncode != 0:
        partial.unlink(missing_ok=True)
        raise DependencyFailed(f"mosquitto_passwd could not hash the passwords: {done.stderr.strip()}", transient=False)
    partial.replace(path)


def _password(settings: Settings, role: str) -> str:
    return settings.secret(f"mqtt-{role}.password").get_secret_value()


def _current_user() -> str:
    """Mosquitto started by root would otherwise become another user, who cannot read the data directory."""
    import pwd  # noqa: PLC0415 - exists on Unix only

    return pwd.getpwuid(os.getuid()).pw_name
