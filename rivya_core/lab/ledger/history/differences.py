"""How the requests of several clips differ: field by field, and word by word in prompts. Pure: records in, plain data out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rivya_core.api.prompt_words import TOKEN, WORD
from rivya_core.lab.ledger.records import GenerationRecord

MEASURED = frozenset({"Mode", "Picture", "Frames a second"})
"""Fields that are no part of the request."""

LONG = frozenset({"Prompt", "Negative prompt"})
CHIP_LENGTH = 28
NONE = "none"

_LABELS = {
    "negative_prompt": "Negative prompt",
    "duration": "Duration",
    "n_frames": "Frames",
    "aspect_ratio": "Ratio",
    "aspectRatio": "Ratio",
    "cfg_scale": "cfg_scale",
}

Part = tuple[str, str]
"""One stretch of a text: ``same``, ``added`` or ``gone``, ``quiet`` for a remark, and its words."""


class Differences(NamedTuple):
    """``rows``: fields that are not alike in all clips; ``same``: those that are; ``chips``: the short form, a list a clip."""

    rows: list[dict[str, Any]]
    same: list[dict[str, str]]
    chips: list[list[dict[str, Any]]]


def compare(records: Sequence[GenerationRecord], base_id: str) -> Differences:
    """Compare what the clips were asked for, each with the baseline."""
    every = [fields_of(record) for record in records]
    base = every[next((at for at, record in enumerate(records) if record.id == base_id), 0)]
    names = list(dict.fromkeys(name for fields in every for name in fields))
    rows: list[dict[str, Any]] = []
    same: list[dict[str, str]] = []
    chips: list[list[dict[str, Any]]] = [[] for _ in records]
    for name in names:
        values = [fields.get(name, NONE) for fields in every]
        if len(set(values)) == 1:
            if values[0] != NONE:
                same.append({"name": name, "value": values[0]})
            continue
        known = base.get(name, NONE)
        cells = [_cell(name, known, value, is_base=fields is base) for fields, value in zip(every, values, strict=True)]
        rows.append({"name": name, "long": name in LONG, "cells": cells})
        for mine, cell, value in zip(chips, cells, values, strict=True):
            if cell["other"] or name not in LONG:
                mine.append({"name": name, "value": _short(name, cell, value), "other": cell["other"]})
    return Differences(rows, same, [sorted(mine, key=lambda chip: not chip["other"]) for mine in chips])


def fields_of(record: GenerationRecord) -> dict[str, str]:
    """Return the fields of a clip's request, in words, the most informative first."""
    params = dict(record.params)
    fields = {"Prompt": record.prompt, "Negative prompt": str(params.pop("negative_prompt", "") or NONE)}
    for name in sorted(params, key=lambda one: (one not in _LABELS, one)):
        fields[_LABELS.get(name, name)] = _value(name, params[name])
    fields["Reference image"] = _image(record.request.get("reference_image"))
    fields["Model"] = record.model
    fields["Mode"] = record.mode
    if record.clip_width_px and record.clip_height_px:
        fields["Picture"] = f"{record.clip_width_px} \N{MULTIPLICATION SIGN} {record.clip_height_px} px"
    if record.clip_fps:
        fields["Frames a second"] = f"{record.clip_fps:g}"
    return fields


def changes(before: GenerationRecord, after: GenerationRecord) -> list[tuple[str, str]]:
    """Return what was changed in a request to make another: each field with its old and its new value, in words.

    Only the requests are compared, not their results.
    """
    found = compare([before, after], before.id)
    asked = (row for row in found.rows if row["name"] not in MEASURED)
    return [(row["name"], _became(row["cells"][0]["parts"], row["cells"][1]["parts"])) for row in asked]


def _became(before: Sequence[Part], after: Sequence[Part]) -> str:
    """Format a change: "red → grey" for replaced words, a plus or minus sign before added or removed ones."""
    if [kind for kind, _ in after] == ["same"]:
        return f"{before[0][1]} → {after[0][1]}"
    told: list[str] = []
    gone = ""
    for kind, text in [(kind, text.strip()) for kind, text in after] + [("same", "")]:
        if gone and kind != "gone":
            told.append(f"{gone} → {text}" if kind == "added" else f"\N{MINUS SIGN} {gone}")
        elif kind == "added":
            told.append(f"+ {text}")
        gone = text if kind == "gone" else ""
    return "; ".join(told)


def words_diff(before: str, after: str) -> list[Part]:
    """Return a word-level diff of two texts; whole words only, with the spaces between them."""
    old, new = TOKEN.findall(before), TOKEN.findall(after)
    parts: list[Part] = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            _add(parts, "same", old[a:b])
        else:
            _add(parts, "gone", old[a:b])
            _add(parts, "added", new[c:d])
    return _joined(parts)


def _add(parts: list[Part], kind: str, tokens: Sequence[str]) -> None:
    if tokens:
        parts.append((kind, "".join(tokens)))


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Merge changes separated only by a space: "a b" to "c d" is one change, not two."""
    gone, added, joined = "", "", list[Part]()

    def close() -> None:
        nonlocal gone, added
        joined.extend((kind, text) for kind, text in (("gone", gone), ("added", added)) if text)
        gone = added = ""

    for at, (kind, text) in enumerate(parts):
        follows = at + 1 < len(parts) and parts[at + 1][0] != "same"
        if kind == "gone":
            gone += text
        elif kind == "added":
            added += text
        elif text.isspace() and gone and added and follows:
            gone, added = gone + text, added + text
        else:
            close()
            joined.append((kind, text))
    close()
    return joined


def _cell(name: str, base: str, value: str, *, is_base: bool) -> dict[str, Any]:
    other = value != base
    parts: list[Part] = [("same", value)]
    if name in LONG and not other and not is_base and value != NONE:
        parts = [("quiet", "as in the baseline")]
    if other and name in LONG and NONE not in {base, value}:
        parts = words_diff(base, value)
    return {"other": other, "parts": parts}


def _short(name: str, cell: Mapping[str, Any], value: str) -> str:
    """Return the text of a chip: the value, or for a prompt the number of words added and removed."""
    if name in LONG and value != NONE:
        counts = {
            kind: sum(len(WORD.findall(text)) for what, text in cell["parts"] if what == kind)
            for kind in ("added", "gone")
        }
        changed = " ".join(
            f"{sign}{counts[kind]}" for kind, sign in (("added", "+"), ("gone", "\N{MINUS SIGN}")) if counts[kind]
        )
        return f"{changed} words" if changed else "other"
    return value if len(value) <= CHIP_LENGTH else value[: CHIP_LENGTH - 1] + "…"


def _value(name: str, value: object) -> str:
    if name == "duration":
        return f"{value} s"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        return f"{value:g}"
    return str(value)


def _image(image: object) -> str:
    if not isinstance(image, Mapping):
        return NONE
    return f"{image.get('name') or 'image'} ({str(image.get('sha256', ''))[:8]})"
