"""What a process does for the data it has open: run the jobs, or only show, submit and cancel."""

from __future__ import annotations

from enum import StrEnum

from rivya_core.settings import Settings


class Role(StrEnum):
    """The part of one process in an installation."""

    EMBEDDED = "embedded"  # a data folder: runs the jobs while it holds the folder's lock
    WORKER = "worker"  # a shared database: runs the jobs of the rows it has claimed
    DASHBOARD = "dashboard"  # a shared database: never runs jobs

    @classmethod
    def of(cls, settings: Settings) -> Role:
        """The part of whoever opens a lab with these settings; a worker is one only because it was started as one."""
        return cls.DASHBOARD if settings.is_shared else cls.EMBEDDED
