"""What bringing the facts of a show up to date changed, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from rivya_core.lab.shows.show import Facts, Show
from rivya_core.lab.shows.slides import cost


def changes(before: Show, after: Show) -> tuple[str, ...]:
    """Say what is told otherwise than before; nothing when all is the same."""
    return tuple(_changes(before, after))


def _changes(before: Show, after: Show) -> Iterable[str]:
    old, new = before.facts, after.facts
    if old.question != new.question:
        yield f"Question: {new.question}"
    yield from _decided(old, new)
    yield from _finding_changes(old, new)
    yield from _voted(old, new)
    if cost(before) != cost(after):
        yield f"Cost: {cost(after).sentence}"
    more, fewer = len(after.clips.keys() - before.clips.keys()), len(before.clips.keys() - after.clips.keys())
    if more:
        yield f"{_clips(more)} added."
    if fewer:
        yield f"{_clips(fewer)} taken out."
    yield from (note for note in new.notes if note not in old.notes)


def _decided(old: Facts, new: Facts) -> Iterable[str]:
    if old.decision == new.decision:
        return
    yield "The decision was reopened." if new.decision is None else f"Decision: {new.decision.label}."


def _finding_changes(old: Facts, new: Facts) -> Iterable[str]:
    old_sentences = {one.variable: one.sentence for one in old.findings}
    for finding in new.findings:
        if old_sentences.get(finding.variable) != finding.sentence:
            yield f"Finding on {finding.variable}: {finding.sentence}"


def _voted(old: Facts, new: Facts) -> Iterable[str]:
    if old.votes == new.votes:
        return
    yield "Votes are left out." if new.votes is None else f"Votes: {new.votes.sentence}"


def _clips(count: int) -> str:
    return f"{count:,} clip{'' if count == 1 else 's'}"
