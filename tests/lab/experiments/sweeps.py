"""What the tests of sweeps start from: a grid, and takes that end as a test wants."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from rivya_core import GenerationRequest, Lab, State, Sweep
from tests.lab.given import CARD, CLIP, accept, answer

BASE = GenerationRequest(prompt="A red fox in the snow")
PRICE = 160


def grid(values: Sequence[Any] = (0, 0.5, 1), *, base: GenerationRequest = BASE, **changes: Any) -> Sweep:
    """A sweep over ``cfg_scale``, or over the axes given."""
    axes = changes.pop("axes", {"cfg_scale": list(values)})
    return Sweep("Fox", "Does cfg_scale matter?", base, axes, **changes)


def ids_of(lab: Lab, experiment_id: str) -> list[str]:
    """Ids of the generations that fill the takes, cell by cell."""
    takes = [take for cell in lab.sweep(experiment_id).cells for take in cell.takes]
    return [take.generation_id for take in takes if take.generation_id is not None]


def end(lab: Lab, generation_id: str, state: State = State.SUCCEEDED) -> None:
    """Bring a waiting take to its end by the legal way."""
    ledger, body = lab.ledger, b"{}"
    if state is State.CANCELLED:
        assert ledger.actions.cancel(generation_id)
        return
    begun = ledger.jobs.begin_attempt(generation_id, body, hashlib.sha256(body).hexdigest())
    assert begun is not None
    if state is State.FAILED:
        assert ledger.jobs.fail(generation_id, CARD)
        return
    assert accept(ledger, generation_id)
    ready = answer(
        "succeeded", reserved_credits=PRICE, final_credits=PRICE, result={"primary_url": "http://127.0.0.1/c"}
    )
    ledger.jobs.ready(generation_id, ready)
    ledger.jobs.saved(generation_id, CLIP)
    ledger.jobs.succeed(generation_id)


def movements_balance(lab: Lab) -> bool:
    """Tell whether every row holds exactly the sum of its movements."""
    rows = list(lab.history.export_rows())
    return all(row.held_credits == sum(move.credits for move in lab.movements(row.id)) for row in rows)
