"""What a database's errors mean to us: one map from the drivers' errors to devices.errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import DatabaseError as SqliteDatabaseError

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from devices.errors import BadInput, Conflict, DependencyFailed, NotFound

_FOREIGN_KEY_VIOLATION, _UNIQUE_VIOLATION, _UNDEFINED_TABLE = "23503", "23505", "42P01"  # PostgreSQL's SQLSTATE


@contextmanager
def explained(place: str, conflict: str = "it exists already") -> Iterator[None]:
    """Raises ours in place of theirs; `place` names the database, `conflict` is said of a row that would stand twice."""
    try:
        yield
    except IntegrityError as error:
        raise _violation(error, conflict) from error
    except DataError as error:
        raise BadInput(f"the database cannot keep this value: {error.orig}") from error
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise _unanswered(error, place) from error
    except DBAPIError as error:
        raise _refused(error, place) from error
    except StatementError as error:
        raise (error.orig or error) from None  # a value that a column type refused, such as a naive datetime


def _violation(error: IntegrityError, conflict: str) -> Exception:
    """Which of our errors it is; itself where it is a bug."""
    text = str(error.orig)
    if "UNIQUE" in text or _sqlstate(error) == _UNIQUE_VIOLATION:
        return Conflict(conflict)
    if "FOREIGN KEY" in text or _sqlstate(error) == _FOREIGN_KEY_VIOLATION:
        return NotFound(f"it refers to something that does not exist: {text}")
    return error


def _unanswered(error: Exception, place: str) -> Exception:
    cause = getattr(error, "orig", None) or error
    if "no such table" in str(cause):
        return _without_tables(cause, place)
    return DependencyFailed(f"the database {place} did not answer: {cause}", transient=True)


def _refused(error: DBAPIError, place: str) -> Exception:
    if _sqlstate(error) == _UNDEFINED_TABLE:
        return _without_tables(error.orig, place)
    if type(error.orig) is SqliteDatabaseError:
        return DependencyFailed(f"{place} is damaged or not a database ({error.orig}); restore the backup", transient=False)
    return error


def _without_tables(cause: object, place: str) -> DependencyFailed:
    return DependencyFailed(f"{place} lacks tables of this program ({cause}); run `caretaker migrate`", transient=False)


def _sqlstate(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)
