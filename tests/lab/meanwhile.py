"""Let something happen between two statements of one read, as another process or thread may do it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa


@contextmanager
def meanwhile(database: sa.Engine, before: str, act: Callable[[], object]) -> Iterator[None]:
    """Do ``act`` once, when this thread is about to send the first statement that holds ``before``; fail when it sends none."""
    here, met = threading.get_ident(), list[str]()

    def act_once(*told: Any) -> None:
        if not met and before in told[2] and threading.get_ident() == here:
            met.append(told[2])
            act()

    sa.event.listen(database, "before_cursor_execute", act_once)
    try:
        yield
    finally:
        sa.event.remove(database, "before_cursor_execute", act_once)
    assert met, before
