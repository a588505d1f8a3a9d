"""`caretaker decode` and `caretaker deadletters`, as a person calls them."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from devices.errors import CaretakerError
from devices.model import Quality
from ingest.dead_letter import DeadLetter
from ingest.pipeline import Pipeline
from ingest.replaying import Replayer
from runtime.commands import deadletters
from runtime.commands.decode import decode
from runtime.databases import open_database
from runtime.roles.ingest import sinks
from runtime.settings import Settings
from runtime.stores import open_reading_store
from storage.dead_letter_store import DeadLetterStore
from storage.registry_store import RegistryStore

NOW = 1_790_000_000_000
ONLINE = {"name": "online", "value": True, "unit": "bool"}
TOPIC = "caretaker/v1/campus/m1/telemetry"

decoding = typer.Typer()
decoding.command()(decode)


def decoded(*lines: object, options: tuple[str, ...] = ()) -> list[dict[str, object]]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    result = CliRunner().invoke(decoding, ["-", *options], input=text)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_each_line_gets_one_line() -> None:
    told = decoded(
        {"topic": TOPIC, "payload": '{"ts":1700000000,"readings":{"elec.energy.import":5,"leak":true,"Odd one":1}}'},
        "",
        {"topic": TOPIC, "payload": "7b7d", "payload_encoding": "hex"},
        {"topic": "caretaker/v1/campus/m1/event", "payload": '{"event":"door.denied","attributes":{"card":"7"}}'},
        {"topic": "caretaker/v1/campus/m1/status", "payload": "online"},
    )
    assert told == [
        {
            "device_id": "m1",
            "metrics": [
                {"name": "elec.energy.import", "value": 5.0, "unit": "kWh"},
                {"name": "leak", "value": True, "unit": "bool"},
                {"name": "x.odd_one", "value": 1.0, "unit": ""},
            ],
            "events": [],
            "ts": "2023-11-14T22:13:20.000Z",
        },
        {"rejected": told[1]["rejected"]},
        {"device_id": "m1", "metrics": [], "events": [{"type": "door.denied", "card": "7"}]},
        {"device_id": "m1", "metrics": [ONLINE], "events": [{"type": "device.online"}]},
    ]


def test_several_samples_carry_a_time_each() -> None:
    (told,) = decoded({"topic": TOPIC, "payload": '[{"ts":1,"readings":{"leak":1}},{"ts":2,"readings":{"leak":0}}]'})
    assert "ts" not in told
    assert [metric["ts"] for metric in told["metrics"]] == ["1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "not a line"),
        ({"topic": "a"}, "payload"),
        ({"topic": "a", "payload": "xyz", "payload_encoding": "hex"}, "hex"),
        ({"topic": "a", "payload": "xyz", "payload_encoding": "base64"}, "neither utf8 nor hex"),
        ({"topic": "a/b", "payload": "xyz"}, "no family"),
        ({"topic": None, "payload": "{}", "family": "native"}, "the topic is not"),
        ({"topic": TOPIC, "payload": '{"ts":1e18,"readings":{"leak":"x"}}'}, "send a number"),
    ],
)
def test_what_cannot_be_decoded_says_why(line: object, reason: str) -> None:
    (told,) = decoded(line)
    assert reason in str(told["rejected"])


def test_a_file_that_is_not_there_and_a_family_that_does_not_exist() -> None:
    result = CliRunner().invoke(decoding, ["/nowhere.jsonl"])
    assert isinstance(result.exception, CaretakerError)
    assert "/nowhere.jsonl" in str(result.exception)
    assert CliRunner().invoke(decoding, ["-", "--family", "nope"]).exit_code == 2


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CARETAKER_DATA_DIR", str(tmp_path))
    made = Settings(data_dir=tmp_path)
    database = open_database(made)
    database.migrate()
    letters = DeadLetterStore(database)
    letters.append(
        [
            letter(b'{"readings":{"leak":"x"}}', "leak is text"),
            letter(b'{"readings":{"leak":1}}', "no decoder"),
            letter(b"\xff", "bytes"),
        ]
    )
    database.close()
    return made


def letter(payload: bytes, reason: str) -> DeadLetter:
    return DeadLetter(received_ms=NOW, topic=TOPIC, payload=payload, reason=reason, device_id="m1")


def call(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(deadletters.app, list(arguments))
    return result.exit_code, result.output if result.exception is None or isinstance(result.exception, SystemExit) else str(
        result.exception
    )


def test_list_and_show(settings: Settings) -> None:
    code, text = call("list")
    assert code == 0
    assert "leak is text" in text
    assert "3 of 3 shown" in text
    rows = [json.loads(line) for line in call("list", "--json", "--limit", "2")[1].splitlines()]
    assert [row["payload"] for row in rows] == ["ff", '{"readings":{"leak":1}}']
    assert json.loads(call("show", str(rows[0]["id"]))[1])["payload_encoding"] == "hex"
    assert call("show", "999")[0] == 1


@contextmanager
def ingest(settings: Settings) -> Iterator[None]:
    """The replaying part of a running ingest."""
    stop = threading.Event()

    def work() -> None:
        with closing(open_database(settings)) as database, closing(open_reading_store(settings)) as readings:
            registry = RegistryStore(database).load()
            replayer = Replayer(DeadLetterStore(database), Pipeline(registry), sinks(database, readings))
            while not stop.is_set():
                if not replayer.step(NOW + 3_600_000):
                    stop.wait(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_replay_asks_ingest_and_tells_what_it_took(settings: Settings) -> None:
    with ingest(settings):
        code, text = call("replay", "--all")
    assert code == 1
    assert "1 taken, 2 still refused" in text
    with closing(open_reading_store(settings)) as store:
        (reading,) = store.latest(["m1"])
    assert (reading.metric, reading.ts_ms, reading.value) == ("leak", NOW, 1.0)
    assert reading.quality & Quality.LATE
    assert "2 of 2 shown" in call("list")[1]


def test_replay_without_ingest_says_how_to_start_it_and_is_kept(settings: Settings) -> None:
    code, text = call("replay", "2", "--wait", "0")
    assert code == 1
    assert "1 wait for ingest, which does not run here; start it (caretaker up)" in text
    with ingest(settings):
        assert call("replay", "2")[0] == 0


def test_replay_wants_numbers_or_all(settings: Settings) -> None:
    assert call("replay")[0] == 2
    assert call("replay", "1", "--all")[0] == 2


def test_delete(settings: Settings) -> None:
    assert call("delete", "1", "2") == (0, "2 removed\n")
    assert call("delete", "1")[0] == 1
