"""Role of a process: it runs the jobs of its database, or only shows, submits and cancels."""

from __future__ import annotations

from enum import StrEnum

from rivya_core.settings import Settings


class Role(StrEnum):
    """The role of one process in an installation."""

    EMBEDDED = "embedded"  # a data folder: runs the jobs while it holds the folder's lock
    WORKER = "worker"  # a shared database: runs the jobs of the rows it has claimed
    DASHBOARD = "dashboard"  # a shared database: never runs jobs

    @classmethod
    def of(cls, settings: Settings) -> Role:
        """Return the role of a process that opens a lab with these settings; workers are started as such, never by settings."""
        return cls.DASHBOARD if settings.is_shared else cls.EMBEDDED
