"""Comma-separated words of a filter → members of an enumeration."""

from enum import StrEnum
from typing import TypeVar

from devices.errors import BadInput

Word = TypeVar("Word", bound=StrEnum)


def words(text: str | None, kind: type[Word], *, place: str) -> frozenset[Word] | None:
    """None where nothing is asked. Raises BadInput naming the first unknown word and the known ones."""
    if text is None or not text.strip():
        return None
    found = []
    for word in text.split(","):
        try:
            found.append(kind(word.strip()))
        except ValueError:
            raise BadInput(f"no {word.strip()!r}; known: {', '.join(kind)}", place=place) from None
    return frozenset(found)
