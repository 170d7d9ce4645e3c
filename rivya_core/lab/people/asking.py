"""Request context: the signed-in person on whose behalf the current request runs (a context variable).

Set at the entry of a request and nowhere else; background work runs on nobody's behalf.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rivya_core.lab.people.person import Person

_asking: ContextVar[Person | None] = ContextVar("rivya_asking", default=None)
_is_required = False


def require(required: bool = True) -> None:
    """Require sign-in in this process from now on: the shared lab refuses anonymous actions."""
    global _is_required  # noqa: PLW0603 - it holds for the whole process, as the lab does
    _is_required = required


def is_required() -> bool:
    """Return whether this process requires sign-in."""
    return _is_required


def who_asks() -> Person | None:
    """Return the person of the current request; None: not signed in, or no sign-in here."""
    return _asking.get()


@contextmanager
def asked_by(person: Person | None) -> Iterator[None]:
    """Set the person of the current request for the duration of the block; what it starts in other threads sees it too."""
    token = _asking.set(person)
    try:
        yield
    finally:
        _asking.reset(token)
