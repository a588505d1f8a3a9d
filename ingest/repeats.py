"""What the broker sends again because it never saw our acknowledgement, although the message is durable."""

import logging
import os
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from ingest.message import Message

REMEMBERED = 1_000
"""As many as may be on their way without an acknowledgement (receive maximum), the last of them the newest."""

_LOG = logging.getLogger(__name__)
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Message])


class Tail:
    """The newest messages of the spool, drained or not. Gives a repetition the time of its first arrival, so that it counts once.

    Recognised by the broker's own mark, packet id, topic and payload together. A broker counts packet ids up to 65,535
    before it uses one again, so that among the last thousand none stands for two messages of one session.
    """

    def __init__(self, path: Path | None = None, spooled: Iterable[Sequence[Message]] = ()) -> None:
        """`path` keeps what the spool's own files, `spooled`, may no longer hold."""
        self._path = path
        self._groups: deque[Sequence[Message]] = deque()
        self._count = 0
        for group in [_load(path), *spooled]:
            self.add(group)

    def add(self, group: Sequence[Message]) -> None:
        """These lie in the spool now; their acknowledgement may never reach the broker."""
        self._groups.append(group)
        self._count += len(group)
        while self._count - len(self._groups[0]) >= REMEMBERED:
            self._count -= len(self._groups.popleft())

    def forget(self) -> None:
        """The broker has no session of ours: its packet ids begin anew."""
        self._groups.clear()
        self._count = 0

    def restore(self, messages: list[Message], repeated: Sequence[int]) -> None:
        """`repeated`: indexes of those that the broker marks as sent before; what is known is put in their place."""
        known = {message.packet_id: message for group in self._groups for message in group if message.packet_id}
        for index in repeated:
            message = messages[index]
            before = known.get(message.packet_id)
            if before is not None and before.topic == message.topic and before.payload == message.payload:
                messages[index] = before

    def save(self) -> None:
        """Before files of the spool go. A disk that takes nothing costs a repetition its recognition, no message."""
        if self._path is None or not self._count:
            return
        newest = [message for group in self._groups for message in group][-REMEMBERED:]
        partial = self._path.with_suffix(".partial")
        try:
            with partial.open("wb") as file:
                file.write(_ENCODER.encode(newest))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            _LOG.warning("the spool's newest messages are not kept: %s", error.strerror)


def _load(path: Path | None) -> Sequence[Message]:
    try:
        return _DECODER.decode(path.read_bytes()) if path is not None else ()
    except (OSError, msgspec.DecodeError):
        return ()  # never kept, or torn: the renaming had not become durable
