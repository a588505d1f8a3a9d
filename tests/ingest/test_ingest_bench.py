"""`caretaker bench ingest` works and says what it should; how fast a machine is, is not a test's business."""

import json

import pytest

from devices.registry import Registry
from ingest.live import LiveDecoder
from ingest.message import Message
from ingest.pipeline import Pipeline
from ingest.topic_map import TopicLink, TopicMap
from runtime.bench import mixed_families
from runtime.bench.ingest import bench_ingest

T = 1_795_000_000_000


@pytest.mark.slow
def test_the_bench_reports_the_first_three_figures() -> None:
    result = bench_ingest(messages=3_000, runs=1, paced_s=1, peers=False)
    targets = [row["target"] for row in result["rows"]]
    assert targets == [">= 1.0 x", "<= 30 us", "<= 25 ms", ">= 2 x", ">= 12 x", "told", "told"]
    assert all({"what", "target", "reached", "met"} == row.keys() for row in result["rows"])
    assert result["ratio"] > 0
    assert result["durable_p50_ms"] <= result["durable_p99_ms"]
    assert all("skipped: not asked" in row["reached"] for row in result["rows"][3:6])
    assert result["mixed"]["rejected"] == 0
    assert result["mixed"]["readings_per_message"] > 2
    json.dumps(result)


def test_every_message_of_the_mix_is_understood() -> None:
    links = [TopicLink(filter=topic["filter"], family=topic["family"]) for topic in mixed_families.TOPICS]
    pipeline = Pipeline(Registry([], []), live=LiveDecoder(TopicMap(links)))
    for number in range(50):
        topic, payload = mixed_families.published(number, 20, T + number * 1000)
        batch = pipeline.process([Message(T + number * 1000, topic, payload)])
        assert batch.readings, topic
        assert not batch.dead_letters, topic
        assert not any(reading.quality for reading in batch.readings), topic
