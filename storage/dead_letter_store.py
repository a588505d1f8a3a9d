"""Messages that could not be used, until somebody replays or removes them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, select, true, update

from devices.errors import NotFound
from ingest.dead_letter import DeadLetter
from storage.database import Transactions, upsert
from storage.pruning import delete_by_and_by
from storage.schema import DEAD_LETTER
from storage.schema_registry import REPLAY_REQUEST


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDeadLetter:
    id: int
    letter: DeadLetter


StoredDeadLetters = list[StoredDeadLetter]
IdList = list[int]
ReasonCounts = list[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """All that is given must hold; `topic` and `reason` are parts of them, times are received_ms in [start_ms, end_ms)."""

    device_id: str | None = None
    topic: str | None = None
    reason: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None


EVERYTHING = LetterFilter()


class DeadLetterStore:
    def __init__(self, database: Transactions) -> None:
        self._database = database

    def append(self, letters: Sequence[DeadLetter]) -> None:
        if letters:
            with self._database.begin() as connection:
                connection.execute(insert(DEAD_LETTER), [asdict(letter) for letter in letters])

    def count(self) -> int:
        with self._database.read() as connection:
            return connection.scalar(select(func.count()).select_from(DEAD_LETTER)) or 0

    def remove(self, ids: Sequence[int]) -> int:
        """How many of them were there."""
        with self._database.begin() as connection:
            return connection.execute(delete(DEAD_LETTER).where(DEAD_LETTER.c.id.in_(ids))).rowcount

    def prune(self, keep: int, *, before_ms: int | None = None) -> int:
        """Removes all but the newest `keep`, and those received before `before_ms`; how many went. No alarm waits for it."""
        with self._database.read() as connection:
            newest_doomed = connection.scalar(select(DEAD_LETTER.c.id).order_by(DEAD_LETTER.c.id.desc()).offset(keep).limit(1))
        doomed = DEAD_LETTER.c.id <= (0 if newest_doomed is None else newest_doomed)
        if before_ms is not None:
            doomed |= DEAD_LETTER.c.received_ms < before_ms
        return delete_by_and_by(self._database, DEAD_LETTER.c.id, doomed)

    def list(self, limit: int = 200, device_id: str | None = None) -> StoredDeadLetters:
        """Newest first."""
        query = select(DEAD_LETTER).order_by(DEAD_LETTER.c.id.desc()).limit(limit)
        if device_id is not None:
            query = query.where(DEAD_LETTER.c.device_id == device_id)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(query).mappings()]

    def get(self, ids: Sequence[int]) -> StoredDeadLetters:
        """In the order asked. Raises NotFound naming those that are not there."""
        with self._database.read() as connection:
            rows = connection.execute(select(DEAD_LETTER).where(DEAD_LETTER.c.id.in_(ids))).mappings()
            found = {row["id"]: _stored(row) for row in rows}
        missing = [str(number) for number in ids if number not in found]
        if missing:
            raise NotFound(f"no dead letter {', '.join(missing)}; see caretaker deadletters list")
        return [found[number] for number in ids]

    def find(self, wanted: LetterFilter, *, limit: int = 200, before_id: int | None = None) -> StoredDeadLetters:
        """Newest first; `before_id` goes on where a page ended."""
        query = select(DEAD_LETTER).where(_matching(wanted)).order_by(DEAD_LETTER.c.id.desc()).limit(limit)
        if before_id is not None:
            query = query.where(DEAD_LETTER.c.id < before_id)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(query).mappings()]

    def ids(self, wanted: LetterFilter, *, limit: int) -> IdList:
        """Oldest first."""
        with self._database.read() as connection:
            return list(
                connection.scalars(select(DEAD_LETTER.c.id).where(_matching(wanted)).order_by(DEAD_LETTER.c.id).limit(limit))
            )

    def reasons(self, limit: int = 50) -> ReasonCounts:
        """How many there are of each reason, the most frequent first."""
        many = func.count()
        query = select(DEAD_LETTER.c.reason, many).group_by(DEAD_LETTER.c.reason).order_by(many.desc(), DEAD_LETTER.c.reason)
        with self._database.read() as connection:
            return [(reason, count) for reason, count in connection.execute(query.limit(limit))]

    # ---- replays: asked for here, done by ingest (ingest.replaying)

    def request_replay(self, ids: Sequence[int], *, by: str, at_ms: int) -> int:
        """Ingest tries them again soon. How many of them were there; asking twice is asking once."""
        with self._database.begin() as connection:
            there = list(connection.scalars(select(DEAD_LETTER.c.id).where(DEAD_LETTER.c.id.in_(ids))))
            if there:
                new = upsert(connection, REPLAY_REQUEST)
                again = {"requested_ms": at_ms, "requested_by": by, "refused_ms": None}
                rows = [{"letter_id": number, **again} for number in there]
                connection.execute(new.on_conflict_do_update(index_elements=["letter_id"], set_=again), rows)
            return len(there)

    def replays(self, ids: Sequence[int]) -> dict[int, bool]:
        """Of those that somebody wants or wanted replayed: whether they were refused again (else they wait)."""
        query = select(REPLAY_REQUEST.c.letter_id, REPLAY_REQUEST.c.refused_ms).where(REPLAY_REQUEST.c.letter_id.in_(ids))
        with self._database.read() as connection:
            return {number: refused_ms is not None for number, refused_ms in connection.execute(query)}

    def waiting(self) -> int:
        """How many replays ingest has still to do."""
        query = select(func.count()).select_from(REPLAY_REQUEST).where(REPLAY_REQUEST.c.refused_ms.is_(None))
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def wanted(self, limit: int) -> StoredDeadLetters:
        """The oldest letters that wait to be replayed."""
        asked = and_(REPLAY_REQUEST.c.letter_id == DEAD_LETTER.c.id, REPLAY_REQUEST.c.refused_ms.is_(None))
        query = select(DEAD_LETTER).join(REPLAY_REQUEST, asked).order_by(DEAD_LETTER.c.id).limit(limit)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(query).mappings()]

    def settle(self, taken: Sequence[int], refused: Mapping[int, str], at_ms: int) -> None:
        """Removes those taken; those refused stay with their new reason, and their request is answered."""
        with self._database.begin() as connection:
            connection.execute(delete(DEAD_LETTER).where(DEAD_LETTER.c.id.in_(taken)))
            for number, reason in refused.items():
                connection.execute(update(DEAD_LETTER).where(DEAD_LETTER.c.id == number).values(reason=reason))
            answered = update(REPLAY_REQUEST).where(REPLAY_REQUEST.c.letter_id.in_(list(refused)))
            connection.execute(answered.values(refused_ms=at_ms))


def _matching(wanted: LetterFilter) -> ColumnElement[bool]:
    table = DEAD_LETTER.c
    found: list[ColumnElement[bool]] = [true()]
    if wanted.device_id is not None:
        found.append(table.device_id == wanted.device_id)
    if wanted.topic is not None:
        found.append(table.topic.contains(wanted.topic, autoescape=True))
    if wanted.reason is not None:
        found.append(table.reason.contains(wanted.reason, autoescape=True))
    if wanted.start_ms is not None:
        found.append(table.received_ms >= wanted.start_ms)
    if wanted.end_ms is not None:
        found.append(table.received_ms < wanted.end_ms)
    return and_(*found)


def _stored(row: RowMapping) -> StoredDeadLetter:
    return StoredDeadLetter(id=row["id"], letter=DeadLetter(**{name: row[name] for name in row if name != "id"}))
