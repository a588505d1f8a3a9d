"""Child processes that cannot outlive us: started, drained into a rotating log, restarted with back-off, stopped within seconds."""

import contextlib
import ctypes
import logging
import logging.handlers
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.priority import prefer

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
HEALTHY_AFTER_S = 60.0
_LOG_BYTES = 5_000_000
_LOG_FILES = 4
_PR_SET_PDEATHSIG = 1


def restart_delay_s(failures: int) -> float:
    """Back-off: 0.5, 1, 2 ... 30 seconds after the first, second, third ... failure in a row."""
    return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures - 1, 10))


@dataclass(slots=True, kw_only=True)
class Child:
    """One role's process. `failures` counts deaths in a row; times are monotonic seconds given by the supervisor.

    `preferred`: it goes before all others on a busy machine. `every_s`: not a role that stays but a round that ends by
    itself and is due again after so many seconds.
    """

    name: str
    command: Sequence[str]
    log_file: Path
    environment: dict[str, str]
    every_s: float | None = None
    preferred: bool = False
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    failures: int = 0
    restart_at_s: float | None = None

    def start(self, now_s: float) -> None:
        self.process = subprocess.Popen(  # noqa: S603 - our own commands only
            list(self.command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops the roles in order
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - the supervisor starts children from its only thread
        )
        if self.preferred:
            prefer(self.process.pid)
        self.started_s = now_s
        self.restart_at_s = None
        self._drain()

    def died(self, now_s: float) -> int | None:
        """The exit status where the process has just been found dead, else None. Schedules the restart."""
        if self.process is None or (status := self.process.poll()) is None:
            return None
        if self.every_s is not None and status == 0:
            self.process, self.failures, self.restart_at_s = None, 0, now_s + self.every_s
            return None
        self.failures = 1 if now_s - self.started_s > HEALTHY_AFTER_S else self.failures + 1
        self.restart_at_s = now_s + restart_delay_s(self.failures)
        self.process = None
        return status

    def terminate(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def finish(self, timeout_s: float) -> None:
        """Waits for the end; kills what does not end by itself. Nothing of the process group is left."""
        if self.process is None:
            return
        try:
            self.process.wait(timeout=max(timeout_s, 0.05))
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def _drain(self) -> None:
        assert self.process is not None
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=_copy, args=(self.process, self.log_file), name=f"log-{self.name}", daemon=True).start()


def _copy(process: subprocess.Popen[bytes], path: Path) -> None:
    """Until the process ends: its lines into a log that never fills the disk."""
    assert process.stdout is not None
    rotating = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
    with contextlib.closing(rotating), process.stdout as lines:
        for line in lines:
            rotating.emit(logging.makeLogRecord({"msg": line.decode(errors="replace").rstrip()}))


def _die_with_parent() -> None:
    """Linux: the kernel sends SIGTERM to the child when the supervisor dies, even by kill -9, so no orphan remains."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    except (AttributeError, OSError):
        return
