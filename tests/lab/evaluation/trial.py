"""Experiments with measured takes, stored as the jobs and the measuring leave them, without a clip being rendered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import sqlalchemy as sa

from rivya_core import Lab
from rivya_core.lab.evaluation import observations
from rivya_core.lab.experiments.records import Kind
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import cell_takes, cells, experiments, generations
from rivya_core.lab.ledger.states import State
from rivya_core.settings import Mode
from tests.lab.given import in_state

MODEL = "kling-v2-1-master"


def figures(motion: float, dice: np.random.Generator, *, likeness: float | None = None) -> dict[str, float | None]:
    """Figures of one clip: motion as given with a spread of 1, all else noise."""
    return {
        "motion": 10 + motion + float(dice.normal()),
        "sharpness": 0.2 + 0.01 * float(dice.normal()),
        "flicker": float(np.exp(dice.normal())),
        "cuts": 0.0,
        "likeness": likeness,
    }


def _axis(name: str, labels: Sequence[str]) -> dict[str, Any]:
    """An axis as a sweep's spec holds it."""
    target = {"cfg_scale": "param", "prompt": "prompt"}.get(name, "variable")
    values: list[Any] = [float(label) for label in labels] if target == "param" else list(labels)
    return {"name": name, "target": target, "labels": list(labels), "values": values}


def store(
    lab: Lab,
    axes: Mapping[str, Sequence[str]],
    motion: Mapping[Any, float] | None = None,
    *,
    takes: int = 4,
    planned: int = 0,
    experiment_id: str = "xtrial",
    kind: Kind = "sweep",
    mode: Mode = "simulated",
    paired: bool = False,
    seed: int = 1,
) -> list[list[str]]:
    """Store an experiment; ``motion`` by the labels of a cell. The ids of its generations, by cell."""
    dice = np.random.default_rng(seed)
    places = list(zip(*axes.values(), strict=True)) if paired else list(product(*axes.values()))
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(
            sa.insert(experiments).values(
                id=experiment_id,
                kind=kind,
                name="A trial",
                question="",
                mode=mode,
                connection=lab.connection,
                model=MODEL,
                spec={
                    "base": {"prompt": "A fox", "model": MODEL, "params": {}},
                    "paired": paired,
                    "axes": [_axis(name, labels) for name, labels in axes.items()],
                },
                cells=len(places),
                takes=takes + planned,
                quoted_credits=160 * (takes + planned) * len(places),
                created_at=lab.ledger.clock(),
            )
        )
    made = []
    for number, labels in enumerate(places):
        ids = [
            in_state(
                lab.ledger,
                State.SUCCEEDED,
                "A fox",
                experiment_id=experiment_id,
                mode=mode,
                intent_id=f"{experiment_id}-{number}-{take}",
            ).id
            for take in range(1, takes + 1)
        ]
        made.append(ids)
        with begin_immediate(lab.ledger.database) as connection:
            connection.execute(sa.update(generations).where(generations.c.id.in_(ids)).values(clip_key=None, mode=mode))
            connection.execute(
                sa.insert(cells).values(
                    experiment_id=experiment_id,
                    cell=number,
                    labels=dict(zip(axes, labels, strict=True)),
                    request={"prompt": "A fox", "model": MODEL, "params": {}},
                    request_sha256=f"{number:064}",
                    expected_credits=160,
                )
            )
            for take, id_ in enumerate([*ids, *[None] * planned], start=1):
                connection.execute(
                    sa.insert(cell_takes).values(experiment_id=experiment_id, cell=number, take=take, generation_id=id_)
                )
            for id_ in ids:
                told = figures((motion or {}).get(tuple(labels), 0.0), dice)
                observations.keep(connection, id_, 0.1, lab.ledger.clock(), figures=told)
    return made
