"""The short words of one row of History: where its poster is, whether it is real, what it costs, how long it took."""

from __future__ import annotations

from datetime import UTC, datetime

from pages._ui import addresses, formatting
from rivya_core import GenerationRecord, State

SHORT = {
    "Queued at Rivya": "Queued",
    "Clip not fetched": "Not fetched",
    "Damaged clip": "Damaged",
    "Clip not opened": "Not opened",
}
"""Words that a narrow column has no room for."""


def state_word(row: GenerationRecord) -> str:
    """Say where the row stands, in one or two words."""
    label = formatting.state_of(row).label
    return SHORT.get(label, label)


def poster_url(row: GenerationRecord) -> str | None:
    """Address of the poster, by our own route; None while there is none."""
    return addresses.poster(row.id) if row.poster_key else None


def credits_word(row: GenerationRecord) -> str:
    """Say what the row costs as far as is known, in a few letters."""
    if row.settlement == "settled":
        return f"{row.held_credits:,}"
    if row.settlement == "released":
        return "0"
    if row.settlement == "provisional":
        return f"{row.held_credits:,} so far"
    return f"{row.held_credits:,} held"


def elapsed(row: GenerationRecord) -> str:
    """Say how long the row has taken, or takes so far."""
    if row.state is State.CANCELLED:
        return ""
    end = row.finished_at or datetime.now(UTC)
    return formatting.span((end - row.created_at).total_seconds()) + ("" if row.is_terminal else "…")
