"""The finished example show of `docs/`: a decided study as one file, with the captions that a person would write."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rivya_core import Lab, open_lab
from rivya_core.lab.shows import slides
from tests.docs import study

NAME = "example-show.html"
CAPTIONS = {
    slides.TITLE: "An example from the built-in simulator. The pictures are its own; how they were made, measured, voted on and "
    "decided is what happens with the real model.",
    slides.BASELINE: "From the first idea to the chosen one: another scene, and a calmer one.",
    slides.GRID: "Every clip that was made, none picked by hand. Press one to play it.",
    f"{slides.FINDING}shot": "You see it in the water: every wave in the harbour has an edge.",
    f"{slides.FINDING}cfg_scale": "More guidance, less movement. It held for both shots and in every take.",
    slides.VOTES: "Blind and in pairs, without names. In this example the voters are scripts: one looks for movement, one for "
    "detail, one for a steady picture.",
    slides.DECISION: "Next: two takes of it with the real model, 320 credits.",
}


def write(folder: Path, target: Path) -> Path:
    """Make the study in a new data folder and write its show; where it is."""
    with open_lab(study.settings(folder)) as lab:
        return lab.shows.export(make(lab), target)


def make(lab: Lab, sweep_id: str | None = None) -> str:
    """Make the show of the study, which is made first unless it is there; its id."""
    show = lab.shows.of_sweep(sweep_id or study.make(lab))
    for slide in show.slides:
        lab.shows.caption(show.id, slide.number, CAPTIONS[slide.about])
    return show.id


def read(page: Path) -> dict[str, Any]:
    """The data of a show, as it stands in its page."""
    found = re.search(r'<script type="application/json" id="show">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def lasting(data: Mapping[str, Any]) -> dict[str, Any]:
    """What is the same each time the study is made: all but ids, times, files, and how many votes a drawn order of pairs took."""
    label = {key: clip["label"] for key, clip in data["clips"].items()}
    own = ("label", "prompt", "negative_prompt", "settings", "params", "model", "mode", "credits", "mime", "duration_s")
    told = [
        {**slide, "clips": Counter(label[key] for key in slide["clips"]), "text": len(slide["text"])}
        for slide in data["slides"]
    ]
    votes, decision = data["votes"], data["decision"]
    same = ("format", "title", "mode", "question", "variables", "cost", "replay")
    return {
        **{name: data[name] for name in same},
        "slides": told,
        "clips": sorted(({name: clip[name] for name in own} for clip in data["clips"].values()), key=str),
        "grid": {
            **data["grid"],
            "cells": [[[label[key] for key in cell] for cell in row] for row in data["grid"]["cells"]],
        },
        "findings": data["findings"],
        "votes": {
            **{name: votes[name] for name in ("question", "variable")},
            "order": [row["label"] for row in votes["table"]],
        },
        "decision": {
            **{name: decision[name] for name in ("label", "reason", "by")},
            "clips": [label[key] for key in decision["clips"]],
        },
    }
