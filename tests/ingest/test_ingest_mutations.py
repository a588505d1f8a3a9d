"""Mutated messages of every family through the whole pipeline and into real stores: none crashes, hangs or vanishes.

`CARETAKER_TEST_MUTATIONS` sets how many (default 5,000), `CARETAKER_TEST_CORPUS` names a file of further payloads, in the form
that `caretaker decode` reads.
"""

import os
import random
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.decoders import DECODERS
from ingest.pipeline import Batch
from runtime.databases import open_database
from runtime.settings import Settings
from runtime.stores import open_reading_store
from storage.dead_letter_store import DeadLetterStore
from storage.event_store import EventStore
from storage.health_store import HealthStore
from tests.ingest.mutations import NOW_MS, Judge, Mutator, seeds

COUNT = int(os.environ.get("CARETAKER_TEST_MUTATIONS", "5000"))
CORPUS = Path(os.environ["CARETAKER_TEST_CORPUS"]) if "CARETAKER_TEST_CORPUS" in os.environ else None
EACH = 50
pytestmark = pytest.mark.mutations
TOLD = seeds(CORPUS)


@pytest.mark.timeout(60 + COUNT / 100)
@settings(
    max_examples=max(1, COUNT // EACH),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,  # an example is a seed number: worth nothing to the next version of the mutator
)
@given(st.integers(0, 2**63))
def test_each_is_stored_or_rejected_with_a_reason_within_a_second(number: int) -> None:
    judge = Judge(TOLD)
    mutator = Mutator(random.Random(number), TOLD)
    for at in range(EACH):
        judge.check(mutator.message(NOW_MS + at)[0])
    assert sum(judge.counts.values()) == EACH


def test_real_stores_take_whatever_comes_out(tmp_path: Path) -> None:
    told = Settings(data_dir=tmp_path)
    judge, mutator = Judge(TOLD), Mutator(random.Random(7), TOLD)
    with closing(open_database(told)) as database, closing(open_reading_store(told)) as readings:
        database.migrate()
        whole = Batch()
        for at in range(min(COUNT, 5_000)):
            batch = judge.check(mutator.message(NOW_MS + at)[0])
            whole.readings.extend(batch.readings)
            whole.events.extend(batch.events)
            whole.dead_letters.extend(batch.dead_letters)
        readings.write(whole.readings)
        EventStore(database).append(whole.events)
        DeadLetterStore(database).append(whole.dead_letters)
        health, strangers = judge.pipeline.take_health()
        HealthStore(database).record(health)
        HealthStore(database).discover(strangers)
        assert DeadLetterStore(database).count() == len(whole.dead_letters)
        assert len(HealthStore(database).all()) == len(health)


def test_every_family_takes_part() -> None:
    covered = {seed.family for seed in TOLD}
    shared = ("wmbus.", "lorawan.", "chirpstack.v3")  # other names of decoders that take part
    assert [name for name in DECODERS if name not in covered and not name.startswith(shared)] == []
