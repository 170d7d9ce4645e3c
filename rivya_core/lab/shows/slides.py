"""The initial slides of a show of a sweep, and the text of each slide. Pure.

The text of a slide is derived from the frozen facts and the slide's subject, so that updated facts never overwrite a caption,
an order or a layout that a person chose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rivya_core.lab.shows.show import (
    FORMAT,
    SIDE_BY_SIDE_MAX,
    Cost,
    Facts,
    Layout,
    Show,
    ShownClip,
    Slide,
    VoteTable,
    clip_json,
    facts_json,
)
from rivya_core.mode_words import UNITS, ModeWord, amount

TITLE: Final = "title"
BASELINE: Final = "baseline"
GRID: Final = "grid"
FINDING: Final = "finding:"
VOTES: Final = "votes"
DECISION: Final = "decision"


@dataclass(frozen=True, slots=True)
class SlideText:
    """What a slide says beside its caption."""

    heading: str
    text: tuple[str, ...] = ()


def first_slides(facts: Facts) -> tuple[Slide, ...]:
    """The slides of a new show of a sweep, in the order in which one tells it."""
    new_slides: list[Slide] = [Slide(0, "title", about=TITLE)]
    if facts.baseline:
        new_slides.append(Slide(0, "pair", facts.baseline, about=BASELINE))
    if facts.grid is not None:
        new_slides.append(Slide(0, "grid", facts.grid.clips, about=GRID))
    new_slides += [Slide(0, "finding", one.clips, about=f"{FINDING}{one.variable}") for one in facts.findings]
    if facts.votes is not None:
        new_slides.append(Slide(0, "finding", about=VOTES))
    if facts.decision is not None:
        new_slides.append(Slide(0, "decision", facts.decision.clips, about=DECISION))
    return tuple(replace(slide, number=number) for number, slide in enumerate(new_slides, start=1))


def layouts(slide: Slide) -> tuple[Layout, ...]:
    """The layouts that a slide can have, with the clips it holds."""
    if slide.about == GRID or len(slide.clips) > SIDE_BY_SIDE_MAX:
        return ("grid",)
    by_count: dict[int, tuple[Layout, ...]] = {0: ("title", "finding"), 1: ("clip", "finding"), 2: ("pair", "finding")}
    own = by_count.get(len(slide.clips), ("grid",))
    return own if slide.about != DECISION else ("decision", *own)


def plain_layout(clips: Sequence[str]) -> Layout:
    """The layout of a slide of clips that a person chose."""
    return ("title", "clip", "pair")[len(clips)] if len(clips) < 3 else "grid"  # noqa: PLR2004 - a pair is two


def brought_up(show: Show, facts: Facts) -> tuple[Slide, ...]:
    """The slides of a show once its facts are others: those about a fact follow it, all else stays as a person left it.

    What became known since gets its slide, behind the one that stands before it in a new show; a slide that was removed stays away.
    """
    fresh = {slide.about: slide for slide in first_slides(facts)}
    remaining = [
        replace(slide, clips=fresh[slide.about].clips) if slide.about else slide
        for slide in show.slides
        if not slide.about or slide.about in fresh
    ]
    remaining = [
        slide if slide.layout in layouts(slide) else replace(slide, layout=layouts(slide)[0]) for slide in remaining
    ]
    number = max((slide.number for slide in show.slides), default=0)
    there = {slide.about for slide in remaining}
    before: list[str] = []
    for about, slide in fresh.items():
        if about not in there and about not in show.offered:
            number += 1
            at = max((place for place, one in enumerate(remaining, start=1) if one.about in before), default=0)
            remaining.insert(at, replace(slide, number=number))
        before.append(about)
    return tuple(remaining)


def offered(show: Show, facts: Facts) -> tuple[str, ...]:
    """What slides were made about, once the facts of a show are others.

    A slide whose fact is gone was removed by nobody: its fact is forgotten here, so that it gets a slide when it comes back.
    """
    there = [slide.about for slide in first_slides(facts)]
    removed = {slide.about for slide in show.slides}.difference(there)
    return tuple(about for about in dict.fromkeys([*show.offered, *there]) if about not in removed)


# -- what it says ------------------------------------------------------------------------------------------------------


def tell(show: Show, slide: Slide) -> SlideText:
    """Say what a slide is about, in its heading and in lines below it."""
    if slide.about == TITLE:
        return SlideText(show.title, _opening(show))
    if slide.about == BASELINE:
        return SlideText("Baseline and winner")
    text = _fact_text(show, slide.about)
    if text is not None:
        return text
    only = show.clips.get(slide.clips[0]) if len(slide.clips) == 1 else None
    return SlideText("" if only is None else only.label)


def _fact_text(show: Show, about: str) -> SlideText | None:
    facts = show.facts
    if about == GRID and facts.grid is not None:
        return SlideText("All combinations", tuple(filter(None, [facts.grid.note])))
    if about == VOTES and facts.votes is not None:
        return SlideText("Blind votes", _voted(facts.votes))
    if about == DECISION and facts.decision is not None:
        reason, by = facts.decision.reason, facts.decision.by
        signed = f"Decided by {by}." if by else ""
        return SlideText(
            f"Decision: {facts.decision.label}", tuple(filter(None, [reason, signed, cost(show).sentence]))
        )
    finding = next((one for one in facts.findings if about == f"{FINDING}{one.variable}"), None)
    return None if finding is None else SlideText(finding.variable, (finding.sentence,))


def _opening(show: Show) -> tuple[str, ...]:
    facts = show.facts
    varied = [f"{one.name}: {', '.join(one.values)}" for one in facts.variables]
    spent = cost(show).sentence if facts.decision is None else ""
    return tuple(filter(None, [facts.question, *varied, spent, *facts.notes]))


def _voted(votes: VoteTable) -> tuple[str, ...]:
    rows = [
        f"{row.label}: {_percent(row.share)} ({_percent(row.low)} to {_percent(row.high)}), {row.counted}"
        for row in votes.table
    ]
    return (votes.question, votes.sentence, *rows)


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


# -- cost --------------------------------------------------------------------------------------------------------------


def cost(show: Show) -> Cost:
    """What the show's clips cost: of a sweep as it was found, else of the clips that are in it."""
    return show.facts.cost or cost_of(list(show.clips.values()))


def cost_of(clips: Sequence[ShownClip]) -> Cost:
    """Add up clips, those that are live, simulated or replayed apart."""
    spent = {
        word: sum(clip.credits or 0 for clip in clips if clip.mode == word) for word in {one.mode for one in clips}
    }
    counted = f"{len(clips):,} clip{'' if len(clips) == 1 else 's'}"
    return Cost(first_spent(spent), len(clips), 0, f"{counted}: {spent_words(spent)}." if clips else "")


def spent_words(spent: Mapping[ModeWord, int]) -> str:
    """Write credits of several kinds, each apart."""
    return " and ".join(amount(spent[word], word) for word in UNITS if word in spent) or "no credits"


def first_spent(spent: Mapping[ModeWord, int]) -> int:
    """The one figure that stands for credits of several kinds: the live ones where there are any."""
    return next((spent[word] for word in UNITS if word in spent), 0)


# -- the mapping -------------------------------------------------------------------------------------------------------


def to_data(show: Show) -> dict[str, Any]:
    """The show as pages and files get it: JSON-safe, the same each time, with nothing of this computer and no ids of the API."""
    facts, clips = show.facts, show.clips
    grid = facts.grid if any(slide.about == GRID for slide in show.slides) else None
    written: dict[str, Any] = facts_json(facts)
    for finding in written["findings"]:
        del finding["clips"]
    decision = written["decision"]
    if decision is not None:
        decision["clips"] = [key for key in decision["clips"] if key in clips]
    texts = {slide.number: tell(show, slide) for slide in show.slides}
    has_baseline = any(slide.about == BASELINE for slide in show.slides)
    return {
        "format": FORMAT,
        "id": show.id,
        "title": show.title,
        "made_at": written["made_at"],
        "mode": show.mode,
        "slides": [
            {
                "layout": slide.layout,
                "caption": slide.caption,
                "heading": texts[slide.number].heading,
                "clips": list(slide.clips),
                "text": list(texts[slide.number].text),
            }
            for slide in show.slides
        ],
        "clips": {key: clip_json(clips[key]) for key in sorted(clips)},
        "question": facts.question,
        "variables": written["variables"],
        "grid": None if grid is None else {key: written["grid"][key] for key in ("columns", "rows", "cells")},
        "baseline": facts.baseline[0] if has_baseline and facts.baseline else None,
        "findings": written["findings"],
        "votes": written["votes"],
        "decision": decision,
        "cost": _cost_json(cost(show)),
        "replay": facts.replay or None,
    }


def _cost_json(costs: Cost) -> dict[str, Any]:
    return {"credits": costs.credits, "clips": costs.clips, "failed": costs.failed, "sentence": costs.sentence}
