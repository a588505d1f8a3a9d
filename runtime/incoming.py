"""Opens what comes in by hand or by HTTP, under the data directory."""

from collections.abc import Callable
from pathlib import Path

from api.incoming import Incoming
from ingest.mailbox import MAILBOX_FOLDER, Mailbox
from runtime.settings import Settings
from storage.command_store import CommandStore
from storage.database import Database
from storage.import_store import ImportStore
from storage.manual_store import ManualStore
from storage.token_store import TokenStore


def mailbox_of(settings: Settings) -> Mailbox:
    """Where other processes of ours put messages for ingest that did not come by MQTT."""
    return Mailbox(settings.data_dir / MAILBOX_FOLDER)


def files_of(settings: Settings) -> Path:
    """Photos of meters, and files that wait to be imported."""
    return settings.data_dir / "incoming"


def open_incoming(
    settings: Settings, database: Database, announce: Callable[[str, bytes], None], wake: Callable[[], None]
) -> Incoming:
    return Incoming(
        tokens=TokenStore(database),
        mailbox=mailbox_of(settings),
        imports=ImportStore(database),
        manual=ManualStore(database),
        commands=CommandStore(database),
        directory=files_of(settings),
        announce=announce,
        wake=wake,
    )
