"""Who goes first on a busy machine: what stands between a fire detector and the screen."""

import contextlib
import gc
import os
import sys
from pathlib import Path

NICE = -10
_SWITCH_INTERVAL_S = 0.0001
_COLLECT_AFTER = 50_000


def prefer(pid: int) -> None:
    """A process before all others, where the system lets us say so (root, or CAP_SYS_NICE)."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
    # Linux weighs whole sessions against each other (autogroup); only a session of its own is the process's to weigh.
    with contextlib.suppress(OSError):
        if os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(NICE))


def answer_at_once() -> None:
    """This process: no thread waits long for another, and what was made at the start is never searched for garbage again."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 100)
