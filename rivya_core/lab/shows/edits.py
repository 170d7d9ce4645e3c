"""What people change in a show: title, captions, order, layout, slides. Each change hands back the show as it was, for an undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from rivya_core.api.errors import LabError
from rivya_core.api.texts import cannot_be_kept, name_trouble, shows_nothing
from rivya_core.lab.shows import slides
from rivya_core.lab.shows.show import LAYOUTS, Layout, Show, Slide
from rivya_core.lab.shows.take_back import taken_back

TITLE_MAX: Final = 120
CAPTION_MAX: Final = 600
SLIDES_MAX: Final = 200


class Edits:
    """The part of ``Shows`` that changes what people see; it inherits this. Every method raises LabError in a read-only lab."""

    def _change(self, show_id: str, change: Callable[[Show], Show]) -> Show:
        raise NotImplementedError

    def rename(self, show_id: str, title: str) -> Show:
        """Give a show another title, at most 120 characters in one line. Raises LabError: it is empty or too long."""
        wanted = check_title(title)
        return self._change(show_id, lambda show: replace(show, title=wanted))

    def caption(self, show_id: str, number: int, text: str) -> Show:
        """Write the caption of a slide, at most 600 characters. Raises LabError: it is too long, or there is no such slide."""
        wanted = check_caption(text)
        return self._change(show_id, lambda show: show.with_slide(replace(_slide(show, number), caption=wanted)))

    def set_layout(self, show_id: str, number: int, layout: Layout) -> Show:
        """Give a slide another layout. Raises LabError: its clips do not go with it, or there is no such slide."""

        def changed(show: Show) -> Show:
            slide = _slide(show, number)
            if layout not in slides.layouts(slide):
                allowed = ", ".join(slides.layouts(slide))
                known = f"{layout[:40]!r}" if isinstance(layout, str) and layout not in LAYOUTS else layout
                raise LabError(
                    "This layout does not fit the slide",
                    f"layout: a slide with {len(slide.clips)} clips can be {allowed}, not {known}.",
                    "Choose one of these.",
                    field="layout",
                )
            return show.with_slide(replace(slide, layout=layout))

        return self._change(show_id, changed)

    def move(self, show_id: str, number: int, by: int) -> Show:
        """Move a slide ``by`` places: -1 is one up. Beyond the ends it stays at the end."""

        def moved(show: Show) -> Show:
            slide = _slide(show, number)
            others = [one for one in show.slides if one is not slide]
            at = min(max(show.slides.index(slide) + by, 0), len(others))
            return replace(show, slides=(*others[:at], slide, *others[at:]))

        return self._change(show_id, moved)

    def remove(self, show_id: str, number: int) -> Show:
        """Take a slide out; its clips stay held, so that an undo brings it back. Raises LabError: no such slide."""

        def without(show: Show) -> Show:
            slide = _slide(show, number)
            return replace(show, slides=tuple(one for one in show.slides if one is not slide))

        return self._change(show_id, without)

    def put_back(self, before: Show, after: Show | None = None) -> Show:
        """Make a show what it was, as a change handed it back: title, slides and facts; the show as it is now, for a redo.

        Args:
            before: The show as it was.
            after: The show as the change left it: only what the change did is taken back then, what others did since stays.
        """
        return self._change(before.id, lambda show: taken_back(show, before, after or show))


def check_title(title: str) -> str:
    """Return a title as it is kept: in one line, trimmed. Raises LabError: it is empty, longer than 120 characters, or no name."""
    kept = " ".join(_text("title", title).split())
    if shows_nothing(kept):
        raise _unusable("title", "it is empty", "Write what the show is about.")
    trouble = name_trouble(kept)
    if trouble is not None:
        raise _unusable("title", f"it {trouble[0]}", f"{trouble[1]}.")
    return _short_enough("title", kept, TITLE_MAX)


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


def _slide(show: Show, number: int) -> Slide:
    found = show.slide(number)
    if found is None:
        raise LabError(
            "There is no such slide", f"The show has no slide {number!r} any more.", "Look at it again.", field="slide"
        )
    return found


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise _unusable(field, "it must be text", "Write it as text.")
    found = cannot_be_kept(value)
    if found is not None:
        raise _unusable(field, f"it holds {found}, which cannot be kept", "Type that character again, or remove it.")
    return value


def _short_enough(field: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise _unusable(field, f"it has {len(text):,} characters, and at most {longest} are taken", "Shorten it.")
    return text


def _unusable(field: str, why: str, hint: str) -> LabError:
    return LabError(f"The {field} is not usable", f"{field}: {why}.", hint, field=field)
