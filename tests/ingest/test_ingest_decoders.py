"""Topic to family to decoder; whatever a decoder does, the line goes on."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ingest import decoders
from ingest.decoded import Decoded, Outcome, Rejected
from ingest.decoders import FamilyMap, decode
from ingest.message import Message


@pytest.mark.parametrize(
    ("pattern", "topic", "matches"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d", False),
        ("a/+", "a/b/c", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "b/a", False),
        ("#", "anything/at/all", True),
        ("+/+", "a", False),
    ],
)
def test_topic_filters(pattern: str, topic: str, matches: bool) -> None:
    assert (FamilyMap(((pattern, "one"),)).family(topic) == "one") is matches


def test_the_first_filter_that_matches_wins() -> None:
    families = FamilyMap((("a/b", "one"), ("a/+", "two")))
    assert [families.family(topic) for topic in ("a/b", "a/c", "a/b", "x")] == ["one", "two", "one", None]


def clumsy(message: Message, context: Mapping[str, Any]) -> Outcome:
    raise IndexError("of course")


def gateway(message: Message, context: Mapping[str, Any]) -> Outcome:
    return [Decoded("a"), Decoded("b"), Rejected("c is broken", "c")]


@pytest.fixture(autouse=True)
def _families() -> Iterator[None]:
    decoders.DECODERS |= {"clumsy": clumsy, "gateway": gateway}
    yield
    del decoders.DECODERS["clumsy"], decoders.DECODERS["gateway"]


def test_a_bug_in_a_decoder_costs_one_message() -> None:
    (got,) = decode(Message(0, "t", b""), "clumsy")
    assert isinstance(got, Rejected)
    assert "'clumsy' failed: IndexError: of course" in got.reason


def test_a_gateway_speaks_of_several_devices() -> None:
    assert [type(one).__name__ for one in decode(Message(0, "t", b""), "gateway")] == ["Decoded", "Decoded", "Rejected"]


def test_an_unknown_family_is_named() -> None:
    (got,) = decode(Message(0, "t", b""), "nope")
    assert got == Rejected("no decoder for family 'nope'")
