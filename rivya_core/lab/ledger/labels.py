"""Labels: short words that people give to generations and sweeps, to find them again.

One label is one word for all things of a kind: who writes ``hero`` where ``Hero`` exists gives the one that exists. Nothing here
spends, and nothing that a label names is changed by it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final, Literal, get_args

import sqlalchemy as sa

from rivya_core.api.errors import LabError
from rivya_core.api.texts import name_trouble, shows_nothing
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_writes
from rivya_core.lab.ledger.schema import experiments, generations, labels
from rivya_core.lab.people.acting import acting_address

LabelKind = Literal["generation", "sweep"]

LABEL_MAX: Final = 40
_KINDS: Final = get_args(LabelKind)


class Labels:
    """Give, take and read labels; safe to use from any thread."""

    def __init__(
        self,
        *,
        ledger: Ledger,
    ) -> None:
        self._database = ledger.database
        self._clock = ledger.clock
        self._remembered = ledger.rows.remembered

    def of(self, kind: LabelKind, ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The labels of some things, in alphabetical order, by id; things without one are left out."""
        _check_kind(kind)
        query = sa.select(labels.c.of_id, labels.c.label).where(labels.c.kind == kind, labels.c.of_id.in_(ids))
        found: dict[str, list[str]] = {}
        for of_id, label in self._once((kind, tuple(ids)), query):
            found.setdefault(of_id, []).append(label)
        return {of_id: tuple(sorted(given, key=str.casefold)) for of_id, given in found.items()}

    def all(self, kind: LabelKind) -> Mapping[str, int]:
        """Every label in use and how many things carry it, in alphabetical order."""
        _check_kind(kind)
        query = sa.select(labels.c.label, sa.func.count()).where(labels.c.kind == kind).group_by(labels.c.label)
        counts = {label: count for label, count in self._once(kind, query)}  # noqa: C416 - rows are no pairs to mypy
        return dict(sorted(counts.items(), key=lambda one: one[0].casefold()))

    def _once(self, name: Hashable, query: sa.Select[Any]) -> Sequence[Any]:
        return self._remembered.reading(("labels", name), lambda connection: connection.execute(query).all())

    def add(self, kind: LabelKind, ids: Sequence[str], label: str) -> tuple[str, ...]:
        """Give a label to things, all or none; the ids that did not carry it before, for an undo with ``remove``.

        Raises:
            LabError: the label is not usable (``field`` is "label"), no such thing, or the lab is read-only.
        """
        refuse_writes(self._database)
        _check_kind(kind)
        wanted, asked = checked(label), tuple(dict.fromkeys(ids))
        with begin_immediate(self._database) as connection:
            _check_ids(connection, kind, asked)
            wanted = _spelled(connection, kind, wanted)
            carrying = _carrying(connection, kind, asked, wanted)
            fresh = tuple(id_ for id_ in asked if id_ not in carrying)
            if fresh:
                now = self._clock()
                connection.execute(
                    sa.insert(labels),
                    [
                        {"kind": kind, "of_id": id_, "label": wanted, "created_at": now, "person": acting_address()}
                        for id_ in fresh
                    ],
                )
        return fresh

    def remove(self, kind: LabelKind, ids: Sequence[str], label: str) -> tuple[str, ...]:
        """Take a label from things; the ids that carried it, for an undo with ``add``."""
        refuse_writes(self._database)
        _check_kind(kind)
        with begin_immediate(self._database) as connection:
            known = _spelled(connection, kind, label)
            carrying = _carrying(connection, kind, ids, known)
            mine = (labels.c.kind == kind, labels.c.label == known, labels.c.of_id.in_(carrying))
            connection.execute(sa.delete(labels).where(*mine))
        return tuple(id_ for id_ in dict.fromkeys(ids) if id_ in carrying)


def checked(label: str) -> str:
    """Return a label as it is kept: trimmed, and runs of blanks as one.

    Raises:
        LabError: it is empty, longer than 40 characters, or holds what no name may; ``field`` is "label".
    """
    kept = " ".join(part for part in label.strip().split(" ") if part) if isinstance(label, str) else ""
    if not kept or shows_nothing(kept):
        raise _unusable("it is empty", "Write a word.")
    trouble = name_trouble(kept)
    if trouble is not None:
        raise _unusable(f"it {trouble[0]}", f"{trouble[1]}.")
    if len(kept) > LABEL_MAX:
        raise _unusable(f"it has {len(kept):,} characters, and at most {LABEL_MAX} are taken", "Shorten it.")
    return kept


def _unusable(why: str, hint: str) -> LabError:
    return LabError("The label is not usable", f"label: {why}.", hint, field="label")


def _check_kind(kind: str) -> None:
    if kind not in _KINDS:
        raise LabError("There is no such kind of label", f"kind must be one of {', '.join(_KINDS)}.", field="kind")


def _check_ids(connection: sa.Connection, kind: LabelKind, ids: Sequence[str]) -> None:
    column = (generations if kind == "generation" else experiments).c.id
    known = set(connection.execute(sa.select(column).where(column.in_(ids))).scalars())
    missing = next((id_ for id_ in ids if id_ not in known), None)
    if missing is not None:
        raise LabError(
            f"There is no such {kind}",
            f"The id {missing[:80]!r} is not in this data folder.",
            "Look it up.",
            field="id",
        )


def _spelled(connection: sa.Connection, kind: LabelKind, label: str) -> str:
    """The label as it was written first."""
    known = connection.execute(sa.select(labels.c.label).where(labels.c.kind == kind).distinct()).scalars()
    return next((one for one in known if one.casefold() == label.casefold()), label)


def _carrying(connection: sa.Connection, kind: LabelKind, ids: Sequence[str], label: str) -> set[str]:
    mine = (labels.c.kind == kind, labels.c.label == label, labels.c.of_id.in_(ids))
    return set(connection.execute(sa.select(labels.c.of_id).where(*mine)).scalars())
