"""Fill a data folder with judged experiments over small clips, for a process of its own: ``fresh.run("tests.browser.verdicts:fill")``."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from rivya_core import Lab, open_lab
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import generations
from rivya_core.settings import Settings
from tests.conftest import FAST
from tests.lab.evaluation import pictures
from tests.lab.evaluation.trial import store

LONG = "A red fox runs through deep snow at dusk, low camera, wide lens, golden light on its back"


def _with_clips(lab: Lab, ids: list[list[str]]) -> None:
    paces = [pictures.moving(lab.archive.path(f"clips/{pixels}.mp4"), pixels) for pixels in (1, 2, 3, 4, 5)]
    for number, id_ in enumerate(one for cell in ids for one in cell):
        key = f"clips/{id_}.mp4"
        lab.archive.path(key).write_bytes(paces[number % len(paces)].read_bytes())
        with begin_immediate(lab.ledger.database) as connection:
            connection.execute(
                sa.update(generations)
                .where(generations.c.id == id_)
                .values(clip_key=key, clip_width_px=pictures.WIDTH, clip_height_px=pictures.HEIGHT)
            )


def fill(folder: str) -> None:
    """Store a clear probe, a table of prompts and knob, too few takes, one not measured yet, and one without clips."""
    two = {"cfg_scale": ["0", "1"]}
    with open_lab(Settings(**{**FAST, "data_dir": Path(folder)})) as lab:
        lab.archive.path("clips/one.mp4").parent.mkdir(parents=True, exist_ok=True)
        _with_clips(lab, store(lab, two, {("0",): 8.0}, kind="verdict", experiment_id="xclear"))
        table = {"prompt": [LONG, "Fox, snow"], "cfg_scale": ["0", "0.5", "1"]}
        _with_clips(lab, store(lab, table, {(LONG, "0"): 3.0}, takes=3, experiment_id="xtable"))
        _with_clips(lab, store(lab, two, {("0",): 8.0}, takes=2, experiment_id="xfew"))
        _with_clips(lab, store(lab, two, takes=6, experiment_id="xnew"))
        words = {"light": ["dawn", "noon", "dusk"]}
        _with_clips(lab, store(lab, words, {("noon",): 8.0}, experiment_id="xwords"))
        store(lab, two, takes=0, planned=2, experiment_id="xempty")
        lab.verdicts.settle_probes()
    with closing(sqlite3.connect(Path(folder) / "lab.sqlite3")) as file:  # nobody measures now
        file.execute("DELETE FROM lab_features WHERE generation_id LIKE 'xnew-%'")
        file.commit()
