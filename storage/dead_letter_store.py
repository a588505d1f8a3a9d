"""Messages that could not be used, until somebody replays or removes them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import RowMapping, delete, func, insert, select

from devices.errors import NotFound
from ingest.dead_letter import DeadLetter
from storage.database import Transactions
from storage.schema import DEAD_LETTER


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDeadLetter:
    id: int
    letter: DeadLetter


StoredDeadLetters = list[StoredDeadLetter]


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
        """Removes all but the newest `keep`, and those received before `before_ms`; how many went."""
        newest_doomed = select(DEAD_LETTER.c.id).order_by(DEAD_LETTER.c.id.desc()).offset(keep).limit(1).scalar_subquery()
        doomed = DEAD_LETTER.c.id <= newest_doomed
        if before_ms is not None:
            doomed |= DEAD_LETTER.c.received_ms < before_ms
        with self._database.begin() as connection:
            return connection.execute(delete(DEAD_LETTER).where(doomed)).rowcount

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


def _stored(row: RowMapping) -> StoredDeadLetter:
    return StoredDeadLetter(id=row["id"], letter=DeadLetter(**{name: row[name] for name in row if name != "id"}))
