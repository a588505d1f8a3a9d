"""`caretaker bench ingest` works and says what it should; how fast a machine is, is not a test's business."""

import json

import pytest

from runtime.bench.ingest import bench_ingest


@pytest.mark.slow
def test_the_bench_reports_the_first_three_figures() -> None:
    result = bench_ingest(messages=3_000, runs=1, paced_s=1)
    assert [row["target"] for row in result["rows"]] == [">= 1.0 x", "<= 30 us", "<= 25 ms"]
    assert all({"what", "target", "reached", "met"} == row.keys() for row in result["rows"])
    assert result["ratio"] > 0
    assert result["durable_p50_ms"] <= result["durable_p99_ms"]
    json.dumps(result)
