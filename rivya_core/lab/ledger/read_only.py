"""Guard of the read-only mode (``RIVYA_READ_ONLY``): refuse every write unless it is explicitly allowed.

Every write of the lab starts in ``database.begin_immediate``, which checks here, so that a newly added write is refused by
default. Two kinds of writes opt in: the balance that the server reported, and a visitor's own vote.
"""

from __future__ import annotations

from weakref import WeakSet

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.settings import Settings

_protected: WeakSet[sa.Engine] = WeakSet()


def protect(database: sa.Engine) -> None:
    """Refuse from now on, in this process, every write to this database that does not opt in."""
    _protected.add(database)


def is_protected(database: sa.Engine) -> bool:
    """Return whether this process may only read the database."""
    return database in _protected


def refuse_writes(database: sa.Engine) -> None:
    """Raise LabError when this process may only read the database."""
    if is_protected(database):
        raise refusal()


def refusal() -> LabError:
    """Build the error that says why nothing can be changed here."""
    return LabError(
        "This dashboard is read-only",
        "It was started with RIVYA_READ_ONLY=1: it shows what is there, and changes nothing.",
        "Start it without that setting to generate clips and to change things.",
        field="read_only",
    )


def refuse_if_read_only(settings: Settings) -> None:
    """Raise LabError when this lab may show clips but not spend."""
    if settings.read_only:
        raise refusal()
