"""kill -9 of a process that does nothing but spool, rotate and drain: what `append` returned for is there, in order, none twice.

Segments of 2 KB, so that hardly a millisecond passes without one beginning or going.
"""

import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from ingest.spool import Spool

KILLS = int(os.environ.get("CARETAKER_TEST_KILLS", "20"))
LIMIT, SEGMENT = 1 << 20, 2048
ROOT = Path(__file__).parents[2]
WORK = f"""
import sys
from pathlib import Path
from ingest.message import Message
from ingest.spool import Spool

spool = Spool(Path(sys.argv[1]), limit_bytes={LIMIT}, segment_bytes={SEGMENT})
durable, drained = open(sys.argv[2], "a", buffering=1), open(sys.argv[3], "a", buffering=1)
number = int(sys.argv[4])
while True:
    group = [Message(number + n, "t", bytes(40), False, (number + n) % 65535 + 1) for n in range(number % 7 + 1)]
    spool.append(group)
    number += len(group)
    durable.write(f"{{number}}\\n")
    if number % 3 == 0:
        messages, position = spool.read(20)
        for message in messages:
            drained.write(f"{{message.received_ms}}\\n")
        spool.advance(position)
"""


def numbers(path: Path) -> list[int]:
    """Whole lines only: the last may be torn."""
    return [int(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []


@pytest.mark.slow
@pytest.mark.timeout(60 + 5 * KILLS)
def test_what_was_durable_is_drained_in_order(tmp_path: Path) -> None:
    seeded = random.Random(11)
    directory, durable, drained = tmp_path / "spool", tmp_path / "durable", tmp_path / "drained"
    begin = 0
    for _ in range(KILLS):
        command = [sys.executable, "-c", WORK, str(directory), str(durable), str(drained), str(begin)]
        with subprocess.Popen(command, cwd=ROOT) as process:
            before = len(numbers(durable))
            deadline = time.monotonic() + 20
            while len(numbers(durable)) == before and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(seeded.uniform(0, 0.2))
            process.kill()
        begin = max(numbers(durable)) + 10  # what was on its way may be durable as well
    with closing(Spool(directory, limit_bytes=LIMIT, segment_bytes=SEGMENT)) as spool:
        rest = [message.received_ms for message in spool.read(1_000_000)[0]]
    first_of_group = dict.fromkeys(numbers(drained) + rest)
    lost = [number - 1 for number in numbers(durable) if number - 1 not in first_of_group]
    assert lost == []
    assert list(first_of_group) == sorted(first_of_group)
    assert len(list(directory.glob("*.segment"))) <= len(rest) // 2 + 2
