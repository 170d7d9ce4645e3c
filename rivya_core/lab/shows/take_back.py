"""Undo one change of a show without losing concurrent ones (a three-way merge). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rivya_core.lab.shows.show import Show, ShownClip, Slide


def taken_back(now: Show, before: Show, after: Show) -> Show:
    """The show as it is ``now``, without what led from ``before`` to ``after``."""
    return replace(
        now,
        title=before.title if now.title == after.title else now.title,
        facts=before.facts if now.facts == after.facts else now.facts,
        slides=_slides(now, before, after),
        clips=_clips(now, before, after),
        offered=before.offered if now.offered == after.offered else now.offered,
    )


def _slides(now: Show, before: Show, after: Show) -> tuple[Slide, ...]:
    was, did = _by_number(before), _by_number(after)
    remaining = [_slide(slide, was.get(slide.number), did.get(slide.number)) for slide in now.slides]
    slides = [slide for slide in remaining if slide is not None]
    slides = _in_order(slides, now, before, after)
    for slide in before.slides:
        if slide.number not in did:
            _bring_back(slides, slide, _order(before))
    return tuple(slides)


def _in_order(slides: list[Slide], now: Show, before: Show, after: Show) -> list[Slide]:
    """The slides in the order from before, unless somebody moved some since; those that came since keep their places."""
    order, here, then = _order(before), set(_order(now)), set(_order(after))
    moved_since = [one for one in _order(now) if one in then] != [one for one in _order(after) if one in here]
    if moved_since:
        return slides
    earlier = iter(
        sorted((slide for slide in slides if slide.number in order), key=lambda one: order.index(one.number))
    )
    return [next(earlier) if slide.number in order else slide for slide in slides]


def _slide(now: Slide, was: Slide | None, did: Slide | None) -> Slide | None:
    """One slide; None: the change put it in, and nobody touched it since."""
    if did is None or was is None:
        return None if now == did else now
    return replace(
        now,
        layout=was.layout if now.layout == did.layout else now.layout,
        clips=was.clips if now.clips == did.clips else now.clips,
        caption=was.caption if now.caption == did.caption else now.caption,
    )


def _bring_back(slides: list[Slide], slide: Slide, order: list[int]) -> None:
    """Put a removed slide behind the nearest that stood before it; its number may belong to another one by now."""
    there = [one.number for one in slides]
    number = slide.number if slide.number not in there else max(there) + 1
    earlier = order[: order.index(slide.number)]
    at = max((place for place, one in enumerate(there, start=1) if one in earlier), default=0)
    slides.insert(at, replace(slide, number=number))


def _clips(now: Show, before: Show, after: Show) -> Mapping[str, ShownClip]:
    remaining = {
        key: before.clips.get(key, clip) if after.clips.get(key) == clip else clip for key, clip in now.clips.items()
    }
    return {**before.clips, **remaining}


def _by_number(show: Show) -> dict[int, Slide]:
    return {slide.number: slide for slide in show.slides}


def _order(show: Show) -> list[int]:
    return [slide.number for slide in show.slides]
