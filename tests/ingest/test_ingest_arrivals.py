"""Messages of one topic never share a millisecond; of different topics they may."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.arrivals import Arrivals
from ingest.message import Message

chunks = st.lists(st.tuples(st.integers(0, 3), st.lists(st.sampled_from("abc"), min_size=1, max_size=8)), max_size=20)


@given(chunks)
def test_times_of_one_topic_differ_and_keep_their_order(told: list[tuple[int, list[str]]]) -> None:
    arrivals, now_ms = Arrivals(), 1_000
    heard: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    for later_ms, topics in told:
        now_ms += later_ms
        messages = [Message(now_ms, topic, b"") for topic in topics]
        arrivals.tell_apart(messages)
        for message in messages:
            assert message.received_ms >= now_ms
            heard[message.topic].append(message.received_ms)
    assert all(times == sorted(set(times)) for times in heard.values())


def test_what_comes_alone_keeps_its_time() -> None:
    arrivals = Arrivals()
    for at in (5, 6, 9):
        messages = [Message(at, topic, b"") for topic in "abc"]
        arrivals.tell_apart(messages)
        assert {message.received_ms for message in messages} == {at}
