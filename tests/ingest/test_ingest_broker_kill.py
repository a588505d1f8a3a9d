"""kill -9 of the broker: ingest is back by itself, and what had reached ingest's spool is stored once.

What only the broker held since its last save (30 s) is lost with it, as docs/ingest.md says; devices with QoS 1 that were not
acknowledged send again.
"""

import json
import time
from contextlib import closing

import pytest

from runtime.databases import open_database
from runtime.roles.ingest import run
from runtime.stores import open_reading_store
from tests.fixtures_broker import Broker
from tests.ingest.test_ingest_role import metrics, running, telemetry, until, until_connected

ROUNDS = 2


@pytest.mark.slow
def test_ingest_outlives_its_broker(broker: Broker) -> None:
    with closing(open_database(broker.settings)) as database:
        database.migrate()
    now_ms = time.time_ns() // 1_000_000 - 100_000
    with running(lambda stop: run(broker.settings, stop)), closing(open_reading_store(broker.settings)) as store:
        for number in range(ROUNDS):
            until_connected(broker)
            payloads = [telemetry(now_ms + number * 1000 + at, elec_voltage=230) for at in range(200)]
            broker.publish("caretaker/v1/campus/m1/telemetry", *payloads)
            until(lambda number=number: metrics(broker)["caretaker_ingest_durable_total"] >= 200 * (number + 1))
            connects = metrics(broker)["caretaker_ingest_broker_connects_total"]
            broker.kill()
            broker.start()
            until(lambda connects=connects: metrics(broker)["caretaker_ingest_broker_connects_total"] > connects, 40)
        until(lambda: len(store.frame(["m1"], ["elec.voltage"], 0, 1 << 45)) == 200 * ROUNDS)
        found = store.frame(["m1"], ["elec.voltage"], 0, 1 << 45)["ts_ms"].tolist()
    assert found == [now_ms + number * 1000 + at for number in range(ROUNDS) for at in range(200)]
    assert json.loads((broker.settings.data_dir / "metrics" / "ingest.json").read_text())["caretaker_ingest_refusing"] == 0
