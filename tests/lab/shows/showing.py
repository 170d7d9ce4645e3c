"""The data of a show with real clips of the simulator, and a folder with its page: no lab is needed for either."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rivya_core.lab.media.video_probe import poster_jpeg
from rivya_core.lab.shows.page import page

STUDY = Path(__file__).parents[3] / "rivya_core" / "assets" / "examples" / "study"
VALUES = ("0", "0.5", "1")


@dataclass(frozen=True, slots=True)
class Beside:
    """Clips and posters in folders beside the page."""

    def clip(self, key: str) -> str:
        """A name relative to the page."""
        return f"clips/{key}.mp4"

    def poster(self, key: str) -> str:
        """A name relative to the page."""
        return f"posters/{key}.jpg"


def show_data() -> dict[str, Any]:
    """A decided sweep over cfg_scale: nine clips, votes, two findings."""
    study = json.loads((STUDY / "study.json").read_text())
    keys = [_key(clip["name"]) for clip in study["clips"]]
    rows = [keys[0:3], keys[3:6], keys[6:9]]
    finding = "At cfg_scale 1 the fox moves about twice as much as at 0; every pair of takes agrees."
    voted = "Winner: cfg_scale 0.5, after 24 votes. It beats both others; false winners: at most 5 %."
    reason = "Calm enough to read the breath in the air, and the fox keeps its shape."
    cost = "9 clips: 1,440 simulated credits."
    slides = [
        ("title", study["question"], "", [], ["cfg_scale: 0, 0.5, 1"]),
        ("pair", "Baseline and winner", "The same prompt; only cfg_scale differs.", [keys[0], keys[3]], []),
        ("grid", "All combinations", "Three takes each.", keys, []),
        ("finding", "cfg_scale", "", [keys[2], keys[7]], [finding]),
        ("finding", "Blind votes", "", [], ["Which one moves more naturally?", voted, "0.5: 75 % (55 to 91 %), 12 won · 3 lost · 1 tied"]),
        ("clip", "cfg_scale 0.5, take 2", "Look at the tail.", [keys[4]], []),
        ("decision", "Decision: cfg_scale 0.5", "", [keys[3]], [reason, "Decided by Ana.", cost]),
    ]  # fmt: skip
    return {
        "format": "rivya-show/1",
        "id": "sabc",
        "title": study["question"],
        "made_at": "2026-11-26T08:00:00Z",
        "mode": "simulated",
        "slides": [
            {"layout": layout, "heading": heading, "caption": caption, "clips": clips, "text": text}
            for layout, heading, caption, clips, text in slides
        ],
        "clips": {
            key: _clip(key, study["prompt"], VALUES[number // 3], number % 3 + 1, study["clips"][number]["name"])
            for number, key in enumerate(keys)
        },
        "question": study["question"],
        "variables": [{"name": "cfg_scale", "values": list(VALUES)}],
        "grid": {"columns": list(VALUES), "rows": [""], "cells": [rows]},
        "baseline": keys[0],
        "findings": [{"variable": "cfg_scale", "sentence": finding, "clear": True}],
        "votes": {
            "question": "Which one moves more naturally?",
            "variable": "cfg_scale",
            "table": [
                {"label": "0.5", "wins": 12, "of": 16, "tied": 1, "share": 0.75, "low": 0.55, "high": 0.91},
                {"label": "1", "wins": 8, "of": 16, "tied": 0, "share": 0.5, "low": 0.29, "high": 0.7},
                {"label": "0", "wins": 4, "of": 16, "tied": 1, "share": 0.25, "low": 0.09, "high": 0.46},
            ],
            "sentence": voted,
            "winner": "",
        },
        "decision": {
            "label": "cfg_scale 0.5",
            "clips": [keys[3]],
            "reason": reason,
            "decided_at": "2026-11-26T08:00:00Z",
            "by": "Ana",
        },
        "cost": {"credits": 1440, "clips": 9, "failed": 0, "sentence": cost},
        "replay": None,
    }


def write_folder(folder: Path, data: dict[str, Any], *, served: bool = False, with_files: bool = True) -> Path:
    """Write the page with its clips and posters beside it; the page. ``with_files``: False when the files are there."""
    for name in ("clips", "posters"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for source in sorted(STUDY.glob("*.mp4")) if with_files else ():
        key = _key(source.stem)
        if key in data["clips"]:
            shutil.copyfile(source, folder / "clips" / f"{key}.mp4")
            assert poster_jpeg(source, folder / "posters" / f"{key}.jpg")
    written = folder / "index.html"
    written.write_text(page.render(data, Beside(), served=served), encoding="utf-8")
    return written


def _key(name: str) -> str:
    return hashlib.sha256((STUDY / f"{name}.mp4").read_bytes()).hexdigest()


def _clip(key: str, prompt: str, value: str, take: int, name: str) -> dict[str, Any]:
    return {
        "sha256": key,
        "size_bytes": (STUDY / f"{name}.mp4").stat().st_size,
        "mime": "video/mp4",
        "width_px": 640,
        "height_px": 360,
        "duration_s": 5.0,
        "label": f"cfg_scale {value}, take {take}",
        "prompt": prompt,
        "negative_prompt": "",
        "settings": [["Duration", "5 s"], ["Aspect ratio", "16:9"], ["Guidance (cfg_scale)", value]],
        "params": {"duration": "5", "aspect_ratio": "16:9", "cfg_scale": float(value)},
        "model": "kling-v2-1-master",
        "mode": "simulated",
        "credits": 160,
        "made_at": "2026-11-26T07:00:00Z",
    }
