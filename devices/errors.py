"""Every error of ours, one tree.

CaretakerError
├── BadInput            what a person or a file said cannot be used; names the place and the remedy
├── NotFound            no such thing, or not one this caller may see
├── Conflict            somebody else changed it first, or it already exists
├── IllegalTransition   the machine does not allow this event in this state; nothing was changed
└── DependencyFailed    a store, broker or service did not answer; carries the decision whether to try again
"""


class CaretakerError(Exception):
    """Base of all errors that we raise on purpose."""


class BadInput(CaretakerError):
    """`place` is where the mistake stands (file:line, field, row); the message says how to mend it."""

    def __init__(self, message: str, *, place: str | None = None) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place


class NotFound(CaretakerError):
    pass


class Conflict(CaretakerError):
    pass


class IllegalTransition(CaretakerError):
    pass


class DependencyFailed(CaretakerError):
    """`transient`: the same call may succeed later; `retry_after_s`: how long to wait first."""

    def __init__(self, message: str, *, transient: bool, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.transient = transient
        self.retry_after_s = retry_after_s
