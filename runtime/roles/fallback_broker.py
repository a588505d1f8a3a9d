"""amqtt as the broker where Mosquitto is not installed: for trying Caretaker out, not for a school's data.

It loses acknowledged messages of clients that disconnect at once and carries about 1,000 messages a second.
"""

import asyncio
import threading
from pathlib import Path

from amqtt.broker import Broker
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from devices.errors import BadInput
from runtime import credentials
from runtime.broker import ROLE_TOPICS, write_private
from runtime.settings import Settings


def run(settings: Settings, stop: threading.Event) -> None:
    asyncio.run(_serve(settings, stop))


async def _serve(settings: Settings, stop: threading.Event) -> None:
    broker = Broker(configuration(settings, _password_file(settings)))
    await broker.start()
    try:
        while not stop.is_set():  # noqa: ASYNC110 - `stop` is set by a signal handler, outside of asyncio
            await asyncio.sleep(0.2)
    finally:
        await broker.shutdown()


def configuration(settings: Settings, password_file: Path) -> dict[str, object]:
    """The same users and topic lists as Mosquitto gets, in amqtt's form."""
    if settings.mqtt.tls_listener.port or credentials.load(settings.data_dir):
        raise BadInput("[mqtt.tls_listener] and the broker's credentials need Mosquitto; install it (apt-get install mosquitto)")
    site = settings.site.id
    readable = {role: [t.format(site=site) for access, t in topics if access != "write"] for role, topics in ROLE_TOPICS.items()}
    writable = {role: [t.format(site=site) for access, t in topics if access != "read"] for role, topics in ROLE_TOPICS.items()}
    return {
        "listeners": {"default": {"type": "tcp", "bind": f"{settings.mqtt.host}:{settings.mqtt.port}"}},
        "plugins": {
            "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(password_file)},
            "amqtt.plugins.topic_checking.TopicAccessControlListPlugin": {"acl": readable, "publish_acl": writable},
        },
    }


def _password_file(settings: Settings) -> Path:
    hasher = PasswordHash((Argon2Hasher(),))
    path = settings.data_dir / "broker" / "amqtt-passwords"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = (f"{role}:{hasher.hash(settings.secret(f'mqtt-{role}.password').get_secret_value())}\n" for role in ROLE_TOPICS)
    write_private(path, "".join(lines))
    return path
