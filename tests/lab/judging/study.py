"""An experiment with clips to vote on, made without a sweep: rows as the jobs leave them, over one small real clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import sqlalchemy as sa

from rivya_core import Lab
from rivya_core.lab.database import begin_immediate
from rivya_core.lab.schema import cell_takes, cells, experiments, generations
from rivya_core.lab.states import State
from rivya_core.settings import Mode
from tests.lab.given import in_state, make_mp4

WORDS = "heliotrope zephyr"
"""Stands in every text of a study that a voter must not see."""


def make_study(
    lab: Lab,
    labels: Sequence[str] = ("calm sea", "rough sea"),
    *,
    clips: int = 1,
    planned: int = 0,
    waiting: int = 0,
    experiment_id: str = "xheliotrope",
    mode: Mode = "simulated",
) -> str:
    """Store an experiment with ``clips`` finished takes a cell, and takes that wait or are only planned; its id."""
    takes = clips + waiting + planned
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(
            sa.insert(experiments).values(
                id=experiment_id,
                kind="sweep",
                name=f"{WORDS} study",
                question=f"Is {WORDS} better?",
                mode=mode,
                connection=lab.connection,
                model="kling-v2-1-master",
                spec={"axes": [{"name": "prompt", "labels": list(labels)}]},
                cells=len(labels),
                takes=takes,
                quoted_credits=160 * takes * len(labels),
                created_at=lab.ledger.clock(),
            )
        )
    for cell, label in enumerate(labels):
        _add_cell(lab, experiment_id, cell, label, [clips, waiting, planned], mode)
    return experiment_id


def _add_cell(lab: Lab, experiment_id: str, cell: int, label: str, takes: Sequence[int], mode: Mode) -> None:
    clips, waiting, planned = takes
    made = [_clip(lab, experiment_id, cell, take, label, mode) for take in range(1, clips + 1)]
    made += [
        in_state(lab.ledger, State.WAITING, f"{WORDS} {label}", experiment_id=experiment_id, mode=mode).id
        for _ in range(waiting)
    ]
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(
            sa.insert(cells).values(
                experiment_id=experiment_id,
                cell=cell,
                labels={"prompt": label},
                request={"prompt": f"{WORDS} {label}", "model": "kling-v2-1-master", "params": {}},
                request_sha256=f"{cell:064}",
                expected_credits=160,
            )
        )
        for take, generation_id in enumerate([*made, *[None] * planned], start=1):
            connection.execute(
                sa.insert(cell_takes).values(
                    experiment_id=experiment_id, cell=cell, take=take, generation_id=generation_id
                )
            )


def _clip(lab: Lab, experiment_id: str, cell: int, take: int, label: str, mode: Mode) -> str:
    """Store a finished generation whose file is a clip of its own length."""
    row = in_state(
        lab.ledger,
        State.SUCCEEDED,
        f"{WORDS} {label}",
        experiment_id=experiment_id,
        mode=mode,
        intent_id=f"{experiment_id}-{cell}-{take}",
        params={"duration": "5", "negative_prompt": WORDS},
    )
    key = f"clips/{row.id}.mp4"
    path = lab.archive.path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    make_mp4(path.with_suffix(".plain"), frames=24 + 2 * cell + take)
    _write_into(path.with_suffix(".plain"), path)
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.update(generations).where(generations.c.id == row.id).values(clip_key=key, mode=mode))
    return row.id


def _write_into(plain: Path, path: Path) -> None:
    """Copy a clip and write into it what a service might: title, comment, time."""
    with av.open(str(plain), format="mp4") as source, av.open(str(path), "w", format="mp4") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        target.metadata.update({"title": WORDS, "comment": WORDS, "creation_time": "1999-03-04T05:06:07Z"})
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    plain.unlink()
