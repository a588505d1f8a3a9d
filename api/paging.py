"""Pages by cursor: an opaque name of the last item shown, so that items arriving meanwhile shift nothing."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Path

from devices.errors import BadInput

Item = TypeVar("Item")

LIMIT_MAX = 500
SCAN_LIMIT = 5000
"""Rows of one listing that filters and pages look through; older ones are reached by narrower filters."""

_MOST = 2**62
EntityId = Annotated[int, Path(ge=1, le=2**62)]
"""Of an alert, finding or order; greater ones the database cannot even be asked for."""


def encode_cursor(position: int, key: str) -> str:
    return base64.urlsafe_b64encode(f"{position}:{key}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, str]:
    """(number of items shown, key of the last one). Raises BadInput."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        position, _, key = text.partition(":")
        return min(max(int(position), 0), _MOST), key
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BadInput("not a cursor; use `next` of the page before", place="cursor") from None


def page_of(items: Sequence[Item], key: Callable[[Item], str], limit: int, cursor: str | None) -> tuple[list[Item], str | None]:
    """The page after `cursor` and the cursor of the one after it (None at the end)."""
    start = 0
    if cursor is not None:
        position, last = decode_cursor(cursor)
        found = next((index for index, item in enumerate(items) if key(item) == last), None)
        start = position if found is None else found + 1
    page = list(items[start : start + limit])
    more = start + limit < len(items)
    return page, encode_cursor(start + limit, key(page[-1])) if more and page else None
