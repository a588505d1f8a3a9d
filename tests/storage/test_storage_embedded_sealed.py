"""Sealed days are read by a DuckDB that is renewed now and then, under the hands of those who read."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from devices.model import Reading
from storage import embedded_sealed, embedded_table
from storage.embedded_sealed import SealedReader

DAY = [Reading(f"m{number}", "water.volume", 1_000 * ts, float(ts)) for number in range(3) for ts in range(40)]
SPAN = (0, 86_400_000)


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[tuple[SealedReader, Path]]:
    path = tmp_path / "day.parquet"
    embedded_sealed.write(path, [embedded_table.from_readings(DAY)])
    with closing(SealedReader()) as reader:
        yield reader, path


def test_answers_stay_the_same_over_a_renewal(sealed: tuple[SealedReader, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_sealed, "QUERIES_EACH", 3)
    reader, path = sealed
    first = reader.rows([path], ["m1"], ["water.volume"], SPAN)
    assert len(first) == 40
    for _ in range(8):
        assert reader.rows([path], ["m1"], ["water.volume"], SPAN).equals(first)


def test_a_cursor_in_use_outlives_the_renewal(sealed: tuple[SealedReader, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_sealed, "QUERIES_EACH", 1)
    reader, path = sealed
    with closing(reader._cursor()) as cursor:
        assert len(reader.rows([path], ["m2"], None, SPAN)) == 40
        assert cursor.execute("SELECT 1").fetchall() == [(1,)]
