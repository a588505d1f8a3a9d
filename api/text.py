"""Messages in English: a msgid with its places filled. Screens translate by themselves from `message` and `facts`."""

from collections.abc import Mapping


def fill(message: str, facts: Mapping[str, str | float]) -> str:
    """`message` with `%(name)s` places filled; a person's report (no facts) stands as written, percent signs and all."""
    if not facts:
        return message
    shown = {name: _readable(value) for name, value in facts.items()}
    try:
        return message % shown
    except (KeyError, ValueError, TypeError):
        return message  # a place without its fact: better the bare sentence than none


def _readable(value: str | float) -> str | float:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
