"""Indexes of the table of generations that History's lists are walked by. Import the table from ``schema``."""

from __future__ import annotations

import sqlalchemy as sa

_PREFIX = "ix_lab_generations_"
_ORDERED = {
    "state": "state",
    "model": "model",
    "cfg_scale": "param_cfg_scale",
    "duration": "param_duration",
    "aspect_ratio": "param_aspect_ratio",
    "took": "took_s",
    "length": "clip_duration_s",
}


def indexes() -> list[sa.Index]:
    """Return one index with all that is filtered by, newest first, and one for each value or order to go by.

    Each has what says whether a row was deleted, so that no row is opened for it.
    """
    filtered = ("mode", "state", "starred", "created_at", "model")
    params = ("param_cfg_scale", "param_duration", "param_aspect_ratio", "experiment_id")
    on_sqlite, on_postgresql = sa.text("starred = 1"), sa.text("starred")
    return [
        sa.Index(f"{_PREFIX}listed", "seq", "deleted_at", *filtered, *params),
        sa.Index(f"{_PREFIX}starred", "seq", "deleted_at", sqlite_where=on_sqlite, postgresql_where=on_postgresql),
        sa.Index(f"{_PREFIX}by_credits", "held_credits", "seq", "deleted_at", "state"),
        *(sa.Index(f"{_PREFIX}by_{name}", column, "seq", "deleted_at") for name, column in _ORDERED.items()),
    ]
