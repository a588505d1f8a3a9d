"""Our own broker: Mosquitto with a password and a topic list per role, no anonymous access and raised queues."""

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from devices.errors import BadInput, DependencyFailed
from runtime import certificates, credentials
from runtime.settings import Settings

ROLE_TOPICS: dict[str, tuple[tuple[str, str], ...]] = {
    "ingest": (
        ("read", "#"),
        ("read", "$oc/#"),
        ("read", "$sys/#"),
        ("write", "caretaker/v1/{site}/bus/#"),
        ("write", "spBv1.0/+/NCMD/+"),  # asks for births
    ),
    "alerts": (
        ("read", "#"),
        ("read", "$oc/#"),
        ("read", "$sys/#"),
        ("readwrite", "caretaker/v1/{site}/bus/#"),
    ),
    "analytics": (("readwrite", "caretaker/v1/{site}/bus/#"),),
    "api": (
        ("readwrite", "caretaker/v1/{site}/bus/#"),
        ("write", "caretaker/v1/{site}/+/telemetry"),  # fire and doors that were pushed by HTTP, for the alarm lane
        ("write", "caretaker/v1/{site}/+/event"),
        ("write", "caretaker/v1/{site}/+/command"),
        ("read", "caretaker/v1/{site}/+/command/result"),
        ("write", "zigbee2mqtt/+/set"),
        ("write", "cmnd/+/POWER"),
        ("write", "+/rpc"),
        ("write", "spBv1.0/+/NCMD/+"),
        ("write", "spBv1.0/+/DCMD/+/+"),
    ),
    "simulator": (
        ("write", "caretaker/v1/{site}/+/telemetry"),
        ("write", "caretaker/v1/{site}/+/event"),
        ("write", "caretaker/v1/{site}/+/status"),
        ("read", "caretaker/v1/{site}/+/command"),
        ("write", "caretaker/v1/{site}/+/command/result"),
    ),
}
"""Which topics each role may touch; everything else is refused."""

OWN_TOPICS = (
    ("write", "caretaker/v1/{site}/%u/telemetry"),
    ("write", "caretaker/v1/{site}/%u/event"),
    ("write", "caretaker/v1/{site}/%u/status"),
    ("read", "caretaker/v1/{site}/%u/command"),
    ("write", "caretaker/v1/{site}/%u/command/result"),
)
"""What every device that signs in may do under its own name (%u)."""

PACKET_LIMIT_BYTES = 65_536

_CONFIGURATION = """\
# Written by Caretaker at each start; change caretaker.toml instead.
{listeners}allow_anonymous false
password_file {directory}/passwords
acl_file {directory}/acl
pid_file {directory}/mosquitto.pid
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

_TLS_LISTENER = """\
listener {port} {host}
certfile {cert_file}
keyfile {key_file}
tls_version tlsv1.2
"""


def ensure_passwords(settings: Settings) -> None:
    """A random password for each role, made once, readable by the owner only."""
    directory = settings.data_dir / "secrets"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for user in ROLE_TOPICS:
        path = directory / f"mqtt-{user}.password"
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
    """The TLS door's certificate is made where the settings name none."""
    listeners = f"listener {settings.mqtt.port} {settings.mqtt.host}\n" + _tls_listener(settings)
    return _CONFIGURATION.format(listeners=listeners, directory=directory, user=user, packet_limit=PACKET_LIMIT_BYTES)


def _tls_listener(settings: Settings) -> str:
    door = settings.mqtt.tls_listener
    if not door.port:
        return ""
    given = {"cert_file": door.cert_file, "key_file": door.key_file, "ca_file": door.ca_file}
    if door.cert_file is None:
        pair = certificates.broker_pair(settings)
        given = {"cert_file": pair.cert_file, "key_file": pair.key_file, "ca_file": door.ca_file or pair.ca_file}
    for key, path in given.items():
        if path is not None and not path.is_file():
            raise BadInput(f"there is no file {path}", place=f"mqtt.tls_listener.{key}")
    text = _TLS_LISTENER.format(port=door.port, host=door.host, **given)
    if door.require_certificate:
        text += f"cafile {given['ca_file']}\nrequire_certificate true\n"
    return text + ("use_identity_as_username true\n" if door.use_identity_as_username else "")


def access_list(settings: Settings) -> str:
    """Mosquitto's ACL file: the tables above, spelled out for this site, and what each credential may do."""
    blocks = []
    for role, topics in ROLE_TOPICS.items():
        lines = [f"user {role}", *(f"topic {access} {topic.format(site=settings.site.id)}" for access, topic in topics)]
        blocks.append("\n".join(lines))
    for one in credentials.load(settings.data_dir):
        allowed = [*(f"topic write {topic}" for topic in one.write), *(f"topic read {topic}" for topic in one.read)]
        blocks.append("\n".join([f"user {one.name}", *allowed]))
    blocks.append("\n".join(f"pattern {access} {topic.format(site=settings.site.id)}" for access, topic in OWN_TOPICS))
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
    write_private(partial, "".join(f"{user}:{_password(settings, user)}\n" for user in ROLE_TOPICS))
    done = subprocess.run([tool, "-U", str(partial)], capture_output=True, text=True, check=False)  # noqa: S603 - a fixed program on our own file
    if done.returncode != 0:
        partial.unlink(missing_ok=True)
        raise DependencyFailed(f"mosquitto_passwd could not hash the passwords: {done.stderr.strip()}", transient=False)
    made = "".join(f"{one.name}:{one.password_hash}\n" for one in credentials.load(settings.data_dir))
    write_private(partial, partial.read_text() + made)
    partial.replace(path)


def refresh(settings: Settings) -> bool:
    """Writes topic lists and passwords anew and has the running broker read them; False where none runs."""
    ensure_passwords(settings)
    write_configuration(settings)
    return credentials.reload(settings.data_dir)


def _password(settings: Settings, role: str) -> str:
    return settings.secret(f"mqtt-{role}.password").get_secret_value()


def _current_user() -> str:
    """Mosquitto started by root would otherwise become another user, who cannot read the data directory."""
    import pwd  # noqa: PLC0415 - exists on Unix only

    return pwd.getpwuid(os.getuid()).pw_name
