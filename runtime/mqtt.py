"""MQTT connections of our own processes: one user per role, its password from the data directory, automatic reconnects."""

import socket

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from runtime.settings import Settings

KEEPALIVE_S = 30


def client(settings: Settings, user: str, *, client_id: str, clean_session: bool = True, manual_ack: bool = False) -> mqtt.Client:
    """A client with the role's credentials, not yet connected.

    `clean_session=False`: the broker keeps what arrives while we are away.
    """
    made = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=clean_session,
        protocol=mqtt.MQTTv311,
        manual_ack=manual_ack,
    )
    made.username_pw_set(user, settings.secret(f"mqtt-{user}.password").get_secret_value())
    made.on_socket_open = _without_delay
    made.reconnect_delay_set(min_delay=1, max_delay=15)
    return made


def _without_delay(_client: mqtt.Client, _userdata: object, connected: object) -> None:
    """paho leaves Nagle's algorithm on: a small packet would wait up to 40 ms for the acknowledgement of the one before."""
    assert isinstance(connected, socket.socket)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def start(settings: Settings, made: mqtt.Client) -> None:
    """Connects in the background and keeps trying; callbacks run on paho's thread. Stop with `stop`."""
    made.connect_async(settings.mqtt.host, settings.mqtt.port, keepalive=KEEPALIVE_S)
    made.loop_start()


def stop(made: mqtt.Client) -> None:
    made.disconnect()
    made.loop_stop()
