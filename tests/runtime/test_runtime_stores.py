"""The settings decide which reading store is opened."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.errors import BadInput
from devices.model import Reading
from runtime.settings import Settings, Store
from runtime.stores import open_reading_store, seal_finished_days
from storage.embedded import EmbeddedReadingStore
from storage.influxdb2 import InfluxReadingStore
from storage.victoriametrics import VictoriaReadingStore

MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)


def test_the_embedded_store_lies_in_the_data_directory(tmp_path: Path) -> None:
    with closing(open_reading_store(Settings(data_dir=tmp_path))) as store:
        assert isinstance(store, EmbeddedReadingStore)
        assert (tmp_path / "readings" / "catalogue.sqlite").exists()


def test_influxdb_is_opened_with_the_token_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    settings = Settings(store=Store(kind="influxdb2", url="http://127.0.0.1:9", org="school", token_file=tmp_path / "token"))
    with closing(open_reading_store(settings)) as store:
        assert isinstance(store, InfluxReadingStore)
        assert seal_finished_days(store, MIDNIGHT) == 0


def test_what_is_missing_for_influxdb_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="needs url, org, token_file; add to"):
        open_reading_store(Settings(store=Store(kind="influxdb2")))
    with pytest.raises(BadInput, match="cannot read the secret"):
        open_reading_store(Settings(store=Store(kind="influxdb2", url="http://x", org="o", token_file=tmp_path / "none")))


def test_victoriametrics_is_opened_with_the_password_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    ours = {"kind": "victoriametrics", "url": "http://127.0.0.1:9", "username": "u", "password_file": tmp_path / "password"}
    with closing(open_reading_store(Settings(data_dir=tmp_path, store=Store.model_validate(ours)))) as store:
        assert isinstance(store, VictoriaReadingStore)
        assert seal_finished_days(store, MIDNIGHT) == 0
    with pytest.raises(BadInput, match="needs url"):
        open_reading_store(Settings(store=Store(kind="victoriametrics")))
    with pytest.raises(BadInput, match="belong together"):
        open_reading_store(Settings(store=Store(kind="victoriametrics", url="http://x", username="u")))


def test_a_day_is_sealed_two_hours_after_its_end(tmp_path: Path) -> None:
    with closing(open_reading_store(Settings(data_dir=tmp_path))) as store:
        store.write([Reading("m1", "leak", int(MIDNIGHT.timestamp() * 1000) - 1, 1.0)])
        assert seal_finished_days(store, MIDNIGHT + timedelta(hours=1, minutes=59)) == 0
        assert seal_finished_days(store, MIDNIGHT + timedelta(hours=2)) == 1
        assert [reading.value for reading in store.latest(["m1"])] == [1.0]
