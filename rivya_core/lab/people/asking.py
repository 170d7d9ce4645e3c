"""Whose request is being answered: where people sign in, the lab that a process shares is in the hands of who asks.

Set where a request comes in, and nowhere else; what runs by itself asks for nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rivya_core.lab.people.person import Person

_asking: ContextVar[Person | None] = ContextVar("rivya_asking", default=None)
_is_required = False


def require(required: bool = True) -> None:
    """From now on, what this process shares does nothing for nobody: people sign in here."""
    global _is_required  # noqa: PLW0603 - it holds for the whole process, as the lab does
    _is_required = required


def is_required() -> bool:
    """Return whether people sign in here."""
    return _is_required


def who_asks() -> Person | None:
    """Return the person whose request is being answered; None: nobody is signed in, or nobody has to be."""
    return _asking.get()


@contextmanager
def asked_by(person: Person | None) -> Iterator[None]:
    """Answer a request of a person, or of nobody, inside the block; what it starts in other threads knows them too."""
    token = _asking.set(person)
    try:
        yield
    finally:
        _asking.reset(token)
