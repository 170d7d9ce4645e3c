"""What a read-only process may change: nothing that anyone else made.

Every write of the lab begins in ``database.begin_immediate``, which asks here, so that a new act is refused until somebody
decides otherwise. Two kinds of writes say that they are allowed: what the wallet answered, and a visitor's own vote.
"""

from __future__ import annotations

from weakref import WeakSet

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.settings import Settings

_protected: WeakSet[sa.Engine] = WeakSet()


def protect(database: sa.Engine) -> None:
    """Refuse every write to this database from here on, in this process, that is not allowed by name."""
    _protected.add(database)


def is_protected(database: sa.Engine) -> bool:
    """Tell whether this process only shows what the database holds."""
    return database in _protected


def refuse_writes(database: sa.Engine) -> None:
    """Raise LabError when this process only shows what the database holds."""
    if is_protected(database):
        raise refusal()


def refusal() -> LabError:
    """Say why nothing can be changed here."""
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
