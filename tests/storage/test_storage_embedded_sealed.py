"""Sealed days are read by a DuckDB that is renewed now and then, under the hands of those who read."""

from contextlib import closing
from pathlib import Path

import pytest

from devices.model import Reading
from storage import embedded_sealed, embedded_table
from storage.embedded_sealed import SealedReader

DAY = [Reading(f"m{number}", "water.volume", 1_000 * ts, float(ts)) for number in range(3) for ts in range(40)]
SPAN = (0, 86_400_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "day.parquet"
    embedded_sealed.write(path, [embedded_table.from_readings(DAY)])
    return path


def test_answers_stay_the_same_over_renewals(path: Path) -> None:
    with closing(SealedReader(queries_each=3)) as reader:
        first = reader.rows([path], ["m1"], ["water.volume"], SPAN)
        assert len(first) == 40
        for _ in range(8):
            assert reader.rows([path], ["m1"], ["water.volume"], SPAN).equals(first)


def test_a_cursor_in_use_outlives_the_renewal(path: Path) -> None:
    with closing(SealedReader(queries_each=1)) as reader, closing(reader._cursor()) as cursor:
        assert len(reader.rows([path], ["m2"], None, SPAN)) == 40
        assert cursor.execute("SELECT 1").fetchall() == [(1,)]
