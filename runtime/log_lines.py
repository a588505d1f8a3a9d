"""The log of a process on standard error: one line for each message, whatever a device or a caller has put into it."""

import logging
import sys

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def log_to_stderr() -> None:
    """Once, at the start of a process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(one_line)
    logging.basicConfig(level=logging.INFO, handlers=[handler], format=_FORMAT)


def one_line(record: logging.LogRecord) -> bool:
    """Escapes what cannot be printed: no message begins a line of its own or steers a terminal. Keeps every record."""
    said = record.getMessage()
    record.msg = said if said.isprintable() else "".join(sign if sign.isprintable() else _escaped(sign) for sign in said)
    record.args = None
    return True


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
