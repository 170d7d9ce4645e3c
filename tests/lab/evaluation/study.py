"""An experiment with clips to vote on, made without a sweep: rows as the jobs leave them, over one small real clip."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from pathlib import Path

import av
import sqlalchemy as sa

from rivya_core import Lab
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import cell_takes, cells, experiments, generations
from rivya_core.lab.ledger.states import State
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


def make_crossed(
    lab: Lab,
    variables: Mapping[str, Sequence[str]],
    *,
    missing: Collection[int] = (),
    clips: int = 1,
    question: str = "",
    experiment_id: str = "xcrossed",
) -> str:
    """Store an experiment of several variables, every combination with ``clips`` takes but the ``missing`` ones; its id.

    The prompt is the value of the variable "prompt"; where it is not varied all have the same.
    """
    with begin_immediate(lab.ledger.database) as connection:
        combinations = list(product(*variables.values()))
        connection.execute(
            sa.insert(experiments).values(
                id=experiment_id,
                kind="sweep",
                name="A crossed study",
                question=question,
                mode="simulated",
                connection=lab.connection,
                model="kling-v2-1-master",
                spec={"axes": [{"name": name, "labels": list(labels)} for name, labels in variables.items()]},
                cells=len(combinations),
                takes=clips,
                quoted_credits=160 * clips * len(combinations),
                created_at=lab.ledger.clock(),
            )
        )
    for cell, values in enumerate(combinations):
        labels = dict(zip(variables, values, strict=True))
        prompt = labels.get("prompt", "one prompt for all")
        takes = [0, 0, clips] if cell in missing else [clips, 0, 0]
        _add_cell(lab, experiment_id, cell, prompt, takes, "simulated", labels=labels)
    return experiment_id


def add_clip(lab: Lab, experiment_id: str, cell: int) -> str:
    """Give a combination that has none its first clip, as a take that is made late; its generation."""
    made = _clip(lab, experiment_id, cell, 1, "late", "simulated")
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(
            sa.update(cell_takes)
            .where(cell_takes.c.experiment_id == experiment_id, cell_takes.c.cell == cell, cell_takes.c.take == 1)
            .values(generation_id=made)
        )
    return made


def _add_cell(
    lab: Lab,
    experiment_id: str,
    cell: int,
    label: str,
    takes: Sequence[int],
    mode: Mode,
    *,
    labels: Mapping[str, str] | None = None,
) -> None:
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
                labels=labels or {"prompt": label},
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
    part = lab.archive.part_path(key)
    _write_into(make_mp4(part.with_suffix(".plain"), frames=24 + 2 * cell + take), part)
    lab.archive.commit_part(part, key)
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
