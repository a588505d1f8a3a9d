"""MQTT connections of our own processes: one user per role, its password from the data directory, automatic reconnects."""

import socket
import ssl
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from devices.errors import BadInput
from ingest.mqtt import session_properties
from runtime.settings import Settings, read_secret

KEEPALIVE_S = 30


def credentials(settings: Settings, role: str) -> tuple[str, str | None]:
    """User and password: the role's own, or those of an existing broker's account. Raises BadInput."""
    if not settings.mqtt.username:
        return role, settings.secret(f"mqtt-{role}.password").get_secret_value()
    file = settings.mqtt.password_file
    return settings.mqtt.username, read_secret(file).get_secret_value() if file is not None else None


def protocol(settings: Settings) -> MQTTProtocolVersion:
    return MQTTProtocolVersion.MQTTv5 if settings.mqtt.version == "5" else MQTTProtocolVersion.MQTTv311


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 or newer, the broker's name checked, by ca_file or the system's authorities; None: in the clear. Raises BadInput."""
    ours = settings.mqtt
    if not ours.tls:
        return None
    context = ssl.create_default_context(cafile=_readable(ours.ca_file, "mqtt.ca_file"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ours.cert_file is not None and ours.key_file is not None:
        try:
            context.load_cert_chain(_readable(ours.cert_file, "mqtt.cert_file") or "", _readable(ours.key_file, "mqtt.key_file"))
        except ssl.SSLError as error:
            raise BadInput(f"certificate and key cannot be used together: {error.reason}", place=str(ours.cert_file)) from None
    return context


def _readable(path: Path | None, key: str) -> str | None:
    if path is None:
        return None
    try:
        path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}; correct it in caretaker.toml", place=key) from None
    return str(path)


def client(settings: Settings, user: str, *, client_id: str, clean_session: bool = True, manual_ack: bool = False) -> mqtt.Client:
    """A client with the role's credentials, not yet connected.

    `clean_session=False`: the broker keeps what arrives while we are away.
    """
    is_5 = protocol(settings) is MQTTProtocolVersion.MQTTv5
    made = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if is_5 else clean_session,
        protocol=protocol(settings),
        userdata=clean_session,
        manual_ack=manual_ack,
    )
    made.username_pw_set(*credentials(settings, user))
    tls = tls_context(settings)
    if tls is not None:
        made.tls_set_context(tls)
    made.on_socket_open = _without_delay
    made.reconnect_delay_set(min_delay=1, max_delay=15)
    return made


def _without_delay(_client: mqtt.Client, _userdata: object, connected: object) -> None:
    """paho leaves Nagle's algorithm on: a small packet would wait up to 40 ms for the acknowledgement of the one before."""
    assert isinstance(connected, socket.socket)  # of TLS too
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def start(settings: Settings, made: mqtt.Client) -> None:
    """Connects in the background and keeps trying; callbacks run on paho's thread. Stop with `stop`."""
    ours = settings.mqtt
    if protocol(settings) is MQTTProtocolVersion.MQTTv5:
        is_clean = bool(made.user_data_get())
        told = session_properties(0 if is_clean else ours.session_expiry_s, ours.receive_maximum)
        made.connect_async(ours.host, ours.port, keepalive=KEEPALIVE_S, clean_start=is_clean, properties=told)
    else:
        made.connect_async(ours.host, ours.port, keepalive=KEEPALIVE_S)
    made.loop_start()


def stop(made: mqtt.Client) -> None:
    made.disconnect()
    made.loop_stop()
