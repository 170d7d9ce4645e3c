"""Edits of a show: title, captions, order, layout, slides. Each is validated here and applied by ``Shows``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from rivya_core.api.errors import LabError
from rivya_core.api.texts import cannot_be_kept, name_trouble, shows_nothing
from rivya_core.lab.shows import slides
from rivya_core.lab.shows.clip_store import HeldClip
from rivya_core.lab.shows.show import LAYOUTS, SIDE_BY_SIDE_MAX, Layout, Show, Slide

TITLE_MAX: Final = 120
CAPTION_MAX: Final = 600
SLIDES_MAX: Final = 200

ChosenClips = Sequence[str | Sequence[str]]
"""Clips for slides, by generation ids: one, or several side by side, a slide."""


Change = Callable[[Show], Show]
"""A change of a show, applied inside the transaction that stores it."""


def renamed(title: str) -> Change:
    """Give a show another title. Raises LabError: it is empty or too long."""
    new_title = check_title(title)
    return lambda show: replace(show, title=new_title)


def captioned(number: int, text: str) -> Change:
    """Write the caption of a slide. Raises LabError: it is too long; the change itself, when there is no such slide."""
    wanted = check_caption(text)
    return lambda show: show.with_slide(replace(_slide(show, number), caption=wanted))


def laid_out(number: int, layout: Layout) -> Change:
    """Give a slide another layout. The change raises LabError: its clips do not go with it, or there is no such slide."""

    def changed(show: Show) -> Show:
        slide = _slide(show, number)
        if layout not in slides.layouts(slide):
            allowed = ", ".join(slides.layouts(slide))
            layout_name = f"{layout[:40]!r}" if isinstance(layout, str) and layout not in LAYOUTS else layout
            raise LabError(
                "This layout does not fit the slide",
                f"layout: a slide with {len(slide.clips)} clips can be {allowed}, not {layout_name}.",
                "Choose one of these.",
                field="layout",
            )
        return show.with_slide(replace(slide, layout=layout))

    return changed


def moved(number: int, by: int) -> Change:
    """Move a slide ``by`` places: -1 is one up. Beyond the ends it stays at the end."""

    def changed(show: Show) -> Show:
        slide = _slide(show, number)
        others = [one for one in show.slides if one is not slide]
        at = min(max(show.slides.index(slide) + by, 0), len(others))
        return replace(show, slides=(*others[:at], slide, *others[at:]))

    return changed


def without(number: int) -> Change:
    """Take a slide out. The change raises LabError: there is no such slide."""

    def changed(show: Show) -> Show:
        slide = _slide(show, number)
        return replace(show, slides=tuple(one for one in show.slides if one is not slide))

    return changed


def check_title(title: str) -> str:
    """Return a title as it is kept: in one line, trimmed. Raises LabError: it is empty, longer than 120 characters, or no name."""
    trimmed = " ".join(_text("title", title).split())
    if shows_nothing(trimmed):
        raise _unusable("title", "it is empty", "Write what the show is about.")
    trouble = name_trouble(trimmed)
    if trouble is not None:
        raise _unusable("title", f"it {trouble[0]}", f"{trouble[1]}.")
    return _short_enough("title", trimmed, TITLE_MAX)


def check_caption(caption: str) -> str:
    """Return a caption as it is kept: trimmed, line breaks as they are. Raises LabError: it is longer than 600 characters."""
    return _short_enough("caption", _text("caption", caption).replace("\r\n", "\n").strip(), CAPTION_MAX)


def check_count(count: int) -> None:
    """Refuse more slides than a show can have."""
    if count > SLIDES_MAX:
        raise LabError(
            "The show has too many slides",
            f"It would have {count:,}, and at most {SLIDES_MAX} are taken.",
            "Make a second show.",
            field="slides",
        )


def groups_of(generation_ids: ChosenClips) -> list[tuple[str, ...]]:
    """The clips of each slide. Raises LabError: none, too many slides, or too many clips for one of them."""
    groups = [(one,) if isinstance(one, str) else tuple(one) for one in generation_ids]
    if not groups or not all(groups):
        raise LabError("There is no clip", "A show needs at least one clip.", "Choose one.", field="generation_ids")
    check_count(len(groups))
    for group in groups:
        if len(group) > SIDE_BY_SIDE_MAX:
            raise LabError(
                "These are too many clips for one slide",
                f"{len(group)} clips were given, and at most {SIDE_BY_SIDE_MAX} stand side by side.",
                "Take several slides.",
                field="generation_ids",
            )
    return groups


def captions_for(captions: Sequence[str] | None, count: int) -> list[str]:
    """One caption a slide, as they are kept. Raises LabError: another number of them than slides, or one is too long."""
    checked = [""] * count if captions is None else [check_caption(one) for one in captions]
    if len(checked) != count:
        raise LabError(
            "The captions do not fit the slides",
            f"{len(checked)} captions were given for {count} slides.",
            "Give one for each slide, or none.",
            field="captions",
        )
    return checked


def slides_of(
    groups: Sequence[Sequence[str]], captions: Sequence[str], held: Mapping[str, HeldClip], first: int
) -> tuple[Slide, ...]:
    """One slide a group; one clip is on a slide once."""
    new_slides = []
    for number, (group, caption) in enumerate(zip(groups, captions, strict=True), start=first):
        keys = tuple(dict.fromkeys(held[id_].shown.sha256 for id_ in group))
        new_slides.append(Slide(number, slides.plain_layout(keys), keys, caption))
    return tuple(new_slides)


def _slide(show: Show, number: int) -> Slide:
    slide = show.slide(number)
    if slide is None:
        raise LabError(
            "There is no such slide", f"The show has no slide {number!r} any more.", "Look at it again.", field="slide"
        )
    return slide


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise _unusable(field, "it must be text", "Write it as text.")
    fault = cannot_be_kept(value)
    if fault is not None:
        raise _unusable(field, f"it holds {fault}, which cannot be kept", "Type that character again, or remove it.")
    return value


def _short_enough(field: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise _unusable(field, f"it has {len(text):,} characters, and at most {longest} are taken", "Shorten it.")
    return text


def _unusable(field: str, why: str, hint: str) -> LabError:
    return LabError(f"The {field} is not usable", f"{field}: {why}.", hint, field=field)
