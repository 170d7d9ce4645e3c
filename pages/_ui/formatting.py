"""The wording, icons and number formats that all pages share: states, credits, times, modes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from rivya_core import local_time
from rivya_core.api.framing import has_ratio
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.history.history import Typical
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.video_probe import DAMAGED, UNOPENED
from rivya_core.mode_words import ModeWord

DAYS_FROM_H = 48
RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "4:5", "5:4")
PARTS = {
    "prompt": "prompt",
    "negative_prompt": "negative prompt",
    "duration": "duration",
    "aspect_ratio": "aspect ratio",
    "image": "image",
}
"""Fewer finished generations than this say nothing about the next one."""

Colour = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "primary"]


class Badge(NamedTuple):
    """A chip: its words, its icon and its colour."""

    label: str
    icon: str
    color: Colour


STATE_BADGES: dict[State, Badge] = {
    State.WAITING: Badge("Waiting", ":material/hourglass_empty:", "orange"),
    State.SUBMITTING: Badge("Sending", ":material/outgoing_mail:", "blue"),
    State.RUNNING: Badge("Running", ":material/autorenew:", "blue"),
    State.SAVING: Badge("Saving", ":material/download:", "blue"),
    State.SUCCEEDED: Badge("Succeeded", ":material/check:", "green"),
    State.FAILED: Badge("Failed", ":material/error:", "red"),
    State.CANCELLED: Badge("Cancelled", ":material/block:", "gray"),
    State.UNCONFIRMED: Badge("Unconfirmed", ":material/help:", "orange"),
    State.UNSAVED: Badge("Clip not fetched", ":material/cloud_download:", "orange"),
}

CHARGED: dict[str, Badge] = {
    "no": Badge("Not charged", ":material/money_off:", "green"),
    "yes": Badge("Charged", ":material/paid:", "orange"),
    "unknown": Badge("Charge unknown", ":material/help:", "orange"),
}

DAMAGED_CLIP = Badge("Damaged clip", ":material/broken_image:", "orange")
UNOPENED_CLIP = Badge("Clip not opened", ":material/broken_image:", "orange")
UNWATCHED = Badge("Not watched", ":material/visibility_off:", "gray")
SIMULATED = Badge("SIMULATED · nothing real is spent", ":material/science:", "violet")
SIMULATED_SHORT = SIMULATED._replace(label="SIMULATED")
LIVE = Badge("LIVE", ":material/bolt:", "red")
REPLAY = Badge("REPLAY", ":material/replay:", "blue")
MODE_BADGES: dict[ModeWord, Badge] = {"live": LIVE, "simulated": SIMULATED_SHORT, "replay": REPLAY}
EXAMPLE = Badge("Example", ":material/menu_book:", "gray")


def mode_of(lab: Lab) -> Badge:
    """Say what all of this lab is: live, simulated, or the replay of recorded work, and of what."""
    playing = lab.cassettes.playing
    if playing is None:
        return SIMULATED if lab.mode == "simulated" else LIVE
    return REPLAY._replace(
        label=playing.words(day(playing.cassette.recorded_on)),
        color="violet" if playing.cassette.mode == "simulated" else REPLAY.color,
    )


def state_of(record: GenerationRecord) -> Badge:
    """Say where a generation stands, with Rivya's own word for a running task."""
    if record.unwatched_at is not None:
        return UNWATCHED
    if record.state is State.SUCCEEDED and record.clip_check in {DAMAGED, UNOPENED}:
        return DAMAGED_CLIP if record.clip_check == DAMAGED else UNOPENED_CLIP
    if record.state is State.RUNNING:
        status = record.task_status
        if status == "queued":
            return Badge("Queued at Rivya", ":material/schedule:", "blue")
        if status == "processing":
            return Badge("Rendering", ":material/autorenew:", "blue")
    return STATE_BADGES[record.state]


def credits(number: int | None) -> str:  # noqa: A001 - Rivya's word
    """Write an amount of credits; an unknown amount is said to be unknown."""
    if number is None:
        return "unknown"
    return f"{number:,} credit" + ("" if number == 1 else "s")


def span(seconds: float) -> str:
    """Write a length of time in the two largest units that matter."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, rest_minutes = divmod(minutes, 60)
    if not minutes:
        return f"{whole} s"
    if not hours:
        return f"{minutes} min {rest:02d} s"
    return f"{hours} h {rest_minutes:02d} min" if hours < DAYS_FROM_H else f"{hours // 24} days"


def local(moment: datetime) -> datetime:
    """Move a UTC moment to the zone that all share; without one to the reader's, as the browser told it, else the machine's."""
    if local_time.shared_zone() is not None:
        return local_time.local(moment)
    name = st.context.timezone
    if name:
        try:
            return moment.astimezone(ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError):
            pass
    return local_time.local(moment)


def by(person: str | None) -> str:
    """Whose act it was, to follow what was done; "" where nobody signs in."""
    return "" if person is None else f" by {person}"


def clock(moment: datetime | None, *, seconds: bool = False, today: bool = True) -> str:
    """Write a moment as every page does: ``25 Nov, 22:31``, with the year when it is not this one.

    Args:
        moment: An aware moment; none was "never".
        seconds: Whether the seconds matter, as between the steps of one generation.
        today: Whether a moment of today names its day too; not where a line speaks of just now ("updated 22:31").
    """
    if moment is None:
        return "never"
    here = local(moment)
    time = here.strftime("%H:%M:%S" if seconds else "%H:%M")
    if not today and here.date() == local(datetime.now(UTC)).date():
        return time
    return f"{day(here.date())}, {time}"


def day(of: date) -> str:
    """Write a calendar day as in :func:`clock`."""
    year = "" if of.year == local(datetime.now(UTC)).year else f" {of.year}"
    return f"{of.day} {of:%b}{year}"


def shape(record: GenerationRecord) -> str:
    """Write the facts that tell two clips apart at a glance: length, ratio, cfg_scale."""
    params = record.params
    parts = []
    if record.length:
        parts.append(f"{record.length} s")
    ratio = params.get("aspect_ratio") or params.get("aspectRatio")
    if ratio is not None:
        parts.append(str(ratio))
    if params.get("cfg_scale") is not None:
        parts.append(f"cfg {params['cfg_scale']:g}" if isinstance(params["cfg_scale"], int | float) else "cfg")
    if record.asset_sha256:
        parts.append("image")
    return " · ".join(parts)


def part(name: str) -> str:
    """Name a part of a generation as it is spoken of: "the prompt", "cfg_scale"."""
    return PARTS.get(name, name)


def excerpt(text: str, length: int = 90) -> str:
    """Cut a text at a word, for one line of a list."""
    flat = " ".join(text.split())
    if len(flat) <= length:
        return flat
    return flat[:length].rsplit(" ", 1)[0] + "…"


def sentences(*parts: str) -> str:
    """Join parts into sentences, each with one full stop."""
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def replaced_model(draft: Draft) -> str:
    """Say which model a form shows in the place of one that left the catalogue; empty while it is there."""
    shown = draft.in_catalogue()
    if shown is draft:
        return ""
    return (
        f"The model {draft.model[:80]} is not in the catalogue any more; {shown.spec.display_name} is chosen instead."
    )


def ratio_note(width_px: int, height_px: int, ratio: object) -> str:
    """Say that an image's shape differs from the chosen one; which of the two a clip follows is not documented."""
    if has_ratio(width_px, height_px, ratio):
        return ""
    found = width_px / max(1, height_px)
    known = next((name for name in RATIOS if has_ratio(width_px, height_px, name)), None)
    shape = known or (f"{found:.2f}:1" if found >= 1 else f"1:{1 / found:.2f}")
    return f"The image is {shape}, not {ratio}. Rivya may crop. Switch the ratio?"


def typical(found: Typical | None) -> str:
    """Write how long such a generation took before; nothing with fewer than five to go by."""
    took = None if found is None else found.left_s()
    if found is None or took is None or took[1] < 1:
        return ""
    return f"Usually {span(took[0])} to {span(took[1])} from task start to clip ({found.count} finished so far)"
