"""View model of a show's page: the slides as sections, in order, each clip once with its settings.

A clip plays at its first occurrence; later ones are a poster with a link, so that a page with embedded clips contains none
twice. Settings shared by all clips are listed once; a clip lists only its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final, Protocol

from rivya_core.lab.evaluation.votes.ranking import counted
from rivya_core.mode_words import MARKS, MEANINGS, ModeWord, ShownMode, amount

WINNER: Final = "Winner"
BASELINE: Final = "Baseline"
TOGETHER_MAX: Final = 4
LONG_CHARS: Final = 400
"""A longer text of one setting stands in a box that scrolls."""


class Media(Protocol):
    """Where the page finds the files of a clip, which it knows by the hash of the clip's bytes."""

    def clip(self, key: str) -> str:
        """The address of the clip, as a video element takes it."""
        ...

    def poster(self, key: str) -> str:
        """The address of its poster; may be a ``data:`` address."""
        ...


@dataclass(frozen=True, slots=True)
class Card:
    """One clip as the page shows it. ``own``: the settings that not all clips of the show have; ``role``: baseline, winner or none."""

    key: str
    anchor: str
    label: str
    video: str
    poster: str
    width_px: int
    height_px: int
    facts: str
    own: tuple[tuple[str, str], ...]
    mark: str
    role: str
    caption: str = ""

    @property
    def is_winner(self) -> bool:
        """Whether it was decided for."""
        return self.role == WINNER

    @property
    def is_tall(self) -> bool:
        """Whether its height and not its width is what has to be kept small."""
        return self.height_px >= self.width_px


@dataclass(frozen=True, slots=True)
class Place:
    """A clip in a section: it ``plays`` here, or it is a picture that leads to where it does."""

    card: Card
    plays: bool = True


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the votes: shares in percent; ``counted``: how many were won, lost and tied."""

    label: str
    share: float
    low: float
    high: float
    counted: str


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page. ``numbers`` are the slides it shows."""

    layout: str
    heading: str
    caption: str = ""
    text: tuple[str, ...] = ()
    tells_votes: bool = False
    numbers: tuple[int, ...] = ()
    places: tuple[Place, ...] = ()

    @property
    def plays_together(self) -> bool:
        """Whether its clips are there to be compared, and can be played side by side."""
        few = 1 < len(self.places) <= TOGETHER_MAX
        return few and self.layout in {"pair", "grid", "finding"} and all(place.plays for place in self.places)


@dataclass(frozen=True, slots=True)
class View:
    """All that the template reads."""

    title: str
    question: str
    mark: str
    mark_words: str
    made: str
    slides: int
    opening: tuple[str, ...]
    answer: str
    finding: str
    figures: tuple[tuple[str, str], ...]
    variables: tuple[Mapping[str, Any], ...]
    shared: tuple[tuple[str, str], ...]
    prompt: str
    negative_prompt: str
    sections: tuple[Section, ...]
    grid: Mapping[str, Any] | None
    bars: tuple[Bar, ...]
    votes: Mapping[str, Any] | None
    decision: Mapping[str, Any] | None
    decided: str
    decided_by: str
    cost: str
    cards: Mapping[str, Card] = field(default_factory=dict)


def view_of(data: Mapping[str, Any], media: Media) -> View:
    """Order what a show holds for its page."""
    clips: Mapping[str, Mapping[str, Any]] = data["clips"]
    decision, votes = data["decision"], data["votes"]
    mode: ShownMode = data["mode"]
    shared = _shared(clips.values())
    cards = {key: _card(key, clip, media, shared, data) for key, clip in clips.items()}
    return View(
        title=data["title"],
        question=data["question"],
        mark=data["replay"] or MARKS[mode],
        mark_words=MEANINGS[mode],
        made=moment(data["made_at"]),
        slides=len(data["slides"]),
        opening=tuple(_opening(data)),
        answer=decision["label"] if decision and _has(data, "decision") else "",
        finding=_headline(data),
        figures=_figures(data),
        variables=tuple(data["variables"]),
        shared=shared,
        prompt=_same(clips.values(), "prompt"),
        negative_prompt=_same(clips.values(), "negative_prompt"),
        sections=tuple(_sections(data, cards)),
        grid=data["grid"],
        bars=tuple(_bars(votes)),
        votes=votes,
        decision=decision,
        decided=moment(decision["decided_at"]) if decision else "",
        decided_by=decision["by"] if decision else "",
        cost=data["cost"]["sentence"] if data["cost"] else "",
        cards=cards,
    )


def moment(text: str) -> str:
    """A moment of the show's data in words, in UTC: the page is the same wherever it was written."""
    if not text:
        return ""
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def _opening(data: Mapping[str, Any]) -> Iterator[str]:
    """What the first slide says beside what stands in a place of its own: its caption, and what is not told and why."""
    first = data["slides"][0] if data["slides"] else None
    if first is None or first["layout"] != "title":
        return
    elsewhere = {data["title"], data["question"], data["cost"]["sentence"] if data["cost"] else ""}
    elsewhere |= {f"{one['name']}: {', '.join(one['values'])}" for one in data["variables"]}
    yield from (line for line in (first["caption"], *first["text"]) if line and line not in elsewhere)


def _has(data: Mapping[str, Any], layout: str) -> bool:
    return any(slide["layout"] == layout for slide in data["slides"])


def _headline(data: Mapping[str, Any]) -> str:
    """Return the finding in one sentence, of those on slides: the winner of votes, else a clear difference, else any finding.

    Votes come first because a measured difference does not say which is better, and may favor the one not chosen.
    """
    elsewhere = {line for slide in data["slides"] if slide["layout"] == "finding" for line in slide["text"]}
    clear = [one["sentence"] for one in data["findings"] if one["clear"]]
    voted = [data["votes"]["sentence"]] if data["votes"] else []
    won = voted if data["votes"] and data["votes"]["winner"] else []
    others = [one["sentence"] for one in data["findings"]]
    return next((str(sentence) for sentence in [*won, *clear, *voted, *others] if sentence in elsewhere), "")


def _figures(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    cost, grid = data["cost"] or {"clips": len(data["clips"]), "credits": 0}, data["grid"]
    combinations = sum(bool(cell) for row in grid["cells"] for cell in row) if grid else 0
    numbers = [
        (combinations, "combination"),
        (cost["clips"], "clip"),
        (cost.get("failed", 0), "failed"),
        (_votes(data["votes"]), "vote"),
    ]
    figures = [(_plural(number, name), f"{number:,}") for number, name in numbers if number]
    if cost["credits"]:
        number, unit = amount(cost["credits"], _spent_mode(data)).split(" ", 1)
        figures.append((f"live {unit}" if data["mode"] == "mixed" else unit, number))
    return tuple(figures)


def _spent_mode(data: Mapping[str, Any]) -> ModeWord:
    """Which kind of credits the one figure of the cost counts: of several the live ones."""
    mode: ModeWord = "live" if data["mode"] == "mixed" else data["mode"]
    return mode


def _plural(number: int, name: str) -> str:
    return name if number == 1 or name == "failed" else f"{name}s"


def _votes(votes: Mapping[str, Any] | None) -> int:
    """How many votes were cast: each stands in the lines of two."""
    return int(sum(line["of"] for line in votes["table"])) // 2 if votes else 0


def _bars(votes: Mapping[str, Any] | None) -> Iterator[Bar]:
    for line in votes["table"] if votes else ():
        share, low, high = (round(100 * line[name], 1) for name in ("share", "low", "high"))
        won, tied = line["wins"], line["tied"]
        yield Bar(line["label"], share, low, high, counted(won, line["of"] - won - tied, tied))


def _same(clips: Any, name: str) -> str:
    """The text that all clips have; empty when they differ."""
    values = {clip[name] or "" for clip in clips}
    return str(values.pop()) if len(values) == 1 else ""


def _shared(clips: Any) -> tuple[tuple[str, str], ...]:
    """The settings that each clip has, in the order of the first."""
    lists = [[(str(name), str(value)) for name, value in clip["settings"]] for clip in clips]
    return tuple(pair for pair in lists[0] if all(pair in others for others in lists)) if lists else ()


def _card(
    key: str, clip: Mapping[str, Any], media: Media, shared: Sequence[tuple[str, str]], data: Mapping[str, Any]
) -> Card:
    own = [(str(name), str(value)) for name, value in clip["settings"]]
    for name, words in (("prompt", "Prompt"), ("negative_prompt", "Negative prompt")):
        if clip[name] and not _same(data["clips"].values(), name):
            own = [(words, str(clip[name])), *(pair for pair in own if pair[0] != words)]
    facts = [
        f"{clip['duration_s']:g} s" if clip["duration_s"] else "",
        f"{clip['width_px']} x {clip['height_px']}" if clip["width_px"] else "",
        amount(clip["credits"], clip["mode"]) if clip["credits"] else "",
    ]
    return Card(
        key=key,
        anchor=f"clip-{key[:16]}",
        label=clip["label"],
        video=media.clip(key),
        poster=media.poster(key),
        width_px=clip["width_px"] or 16,
        height_px=clip["height_px"] or 9,
        facts=" · ".join(fact for fact in facts if fact),
        own=tuple(pair for pair in own if pair not in shared),
        mark=clip["mode"].upper() if data["mode"] == "mixed" else "",
        role=_role(key, data),
    )


def _role(key: str, data: Mapping[str, Any]) -> str:
    if data["decision"] and key in data["decision"]["clips"]:
        return WINNER
    return BASELINE if key == data["baseline"] else ""


def _sections(data: Mapping[str, Any], cards: Mapping[str, Card]) -> Iterator[Section]:
    """The slides in their order; clips that follow each other share a section; what no slide plays comes at the end."""
    waiting = dict(cards)
    for layout, group in groupby(enumerate(data["slides"], 1), key=lambda numbered: str(numbered[1]["layout"])):
        slides = list(group)
        if layout == "clip" and len(slides) > 1:
            yield _clips(slides, waiting)
        elif layout != "title":
            for number, slide in slides:
                yield _section(number, slide, data, waiting, cards)
        else:
            # The first title slide is the page's header; others divide the show into chapters.
            for number, slide in slides:
                if number > 1:
                    yield Section("title", slide["heading"], slide["caption"], tuple(slide["text"]), numbers=(number,))
    if waiting:
        heading = "All clips" if len(waiting) == len(cards) else "The other clips"
        yield Section("clips", heading, places=tuple(Place(card) for card in waiting.values()))


def _section(
    number: int,
    slide: Mapping[str, Any],
    data: Mapping[str, Any],
    waiting: dict[str, Card],
    cards: Mapping[str, Card],
) -> Section:
    is_matrix = slide["layout"] == "grid" and _is_whole_grid(slide, data["grid"])
    clip_keys = () if is_matrix else tuple(key for key in dict.fromkeys(slide["clips"]) if key in cards)
    tells_votes = bool(data["votes"]) and data["votes"]["sentence"] in slide["text"]
    return Section(
        layout="matrix" if is_matrix else slide["layout"],
        heading=slide["heading"],
        caption=slide["caption"],
        text=() if tells_votes else tuple(line for line in slide["text"] if line not in _shown_elsewhere(slide, data)),
        tells_votes=tells_votes,
        numbers=(number,),
        places=tuple(Place(cards[key], plays=waiting.pop(key, None) is not None) for key in clip_keys),
    )


def _is_whole_grid(slide: Mapping[str, Any], grid: Mapping[str, Any] | None) -> bool:
    return grid is not None and set(slide["clips"]) == {key for row in grid["cells"] for cell in row for key in cell}


def _shown_elsewhere(slide: Mapping[str, Any], data: Mapping[str, Any]) -> set[str]:
    """Lines of a slide that stand in a place of their own in the report."""
    if slide["layout"] != "decision" or data["decision"] is None:
        return set()
    decision = data["decision"]
    return {decision["reason"], f"Decided by {decision['by']}.", data["cost"]["sentence"] if data["cost"] else ""}


def _clips(slides: Sequence[tuple[int, Mapping[str, Any]]], waiting: dict[str, Card]) -> Section:
    """Slides of one clip each that follow each other: one part, in which each clip has its slide's caption."""
    result: list[Card] = []
    for _, slide in slides:
        caption = " ".join(part for part in (slide["caption"], *slide["text"]) if part)
        result += [
            replace(waiting.pop(key), caption=caption) for key in dict.fromkeys(slide["clips"]) if key in waiting
        ]
    places = tuple(Place(card) for card in result)
    return Section("clips", "Clips", numbers=tuple(number for number, _ in slides), places=places)
