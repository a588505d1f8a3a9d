"""Group commit: when a group is due, what may be acknowledged, and that refusing keeps everything."""

from devices.errors import DependencyFailed
from ingest.intake import Intake
from ingest.message import Message

ONE, TWO = Message(1, "t", b"1"), Message(2, "t", b"2")


class Spool:
    def __init__(self) -> None:
        self.groups: list[list[Message]] = []
        self.full = False

    def append(self, messages: list[Message]) -> None:
        if self.full:
            raise DependencyFailed("full", transient=True, retry_after_s=2)
        self.groups.append(messages)


def test_a_group_is_due_by_age_or_by_number() -> None:
    intake = Intake(Spool(), max_age_s=5, max_messages=3)
    assert intake.due_in_s(100) is None
    intake.add([ONE], [1], 100)
    intake.add([TWO], [2], 104)
    assert intake.due_in_s(104) == 1
    assert intake.due_in_s(105) == 0
    intake.add([TWO], [3], 104)
    assert intake.full
    assert intake.due_in_s(104) == 0


def test_many_messages_do_not_wait() -> None:
    intake = Intake(Spool(), max_age_s=5, max_messages=5_000)
    intake.add([ONE] * 250, [1] * 250, 100)
    assert intake.due_in_s(100) == 0
    assert not intake.full


def test_a_commit_tells_what_may_be_acknowledged() -> None:
    spool = Spool()
    intake = Intake(spool, max_age_s=5, max_messages=3)
    intake.add([ONE, TWO], [7, 0], 0)
    assert intake.commit(5) == [7, 0]
    assert spool.groups == [[ONE, TWO]]
    assert intake.due_in_s(9) is None
    assert (intake.committed, intake.commits) == (2, 1)


def test_a_refusal_keeps_the_group_and_waits() -> None:
    spool = Spool()
    intake = Intake(spool, max_age_s=5, max_messages=10)
    intake.add([ONE], [7], 0)
    spool.full = True
    assert isinstance(intake.commit(5), DependencyFailed)
    assert intake.due_in_s(5) == 2
    intake.add([TWO] * 300, [0] * 300, 5)
    assert intake.full
    assert intake.due_in_s(6) == 1  # full, but asking again before the wait is over would only burn the processor
    spool.full = False
    assert intake.commit(7) == [7] + [0] * 300
    intake.add([ONE], [7], 7)
    spool.full = True
    assert isinstance(intake.commit(12), DependencyFailed)
    intake.add([TWO], [8], 13)
    spool.full = False
    assert intake.due_in_s(14) == 0
    assert intake.commit(14) == [7, 8]
    assert spool.groups[-1] == [ONE, TWO]


def test_a_lost_connection_forgets_what_the_broker_will_send_again() -> None:
    intake = Intake(Spool(), max_age_s=5, max_messages=10)
    intake.add([ONE], [7], 0)
    intake.forget()
    assert intake.due_in_s(0) is None
