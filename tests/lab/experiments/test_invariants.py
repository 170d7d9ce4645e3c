"""Whatever people do to sweeps, in whatever order: no take is paid twice, no cap is passed, the books balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from rivya_core import GenerationRequest, Lab, State, Sweep
from rivya_core.api.errors import BudgetError, LabError
from rivya_core.lab.ledger.schema import cell_takes, generations, movements
from tests.lab.experiments.sweeps import end, ids_of

ACTS = [
    "start",
    "fit",
    "rest",
    "retry",
    "repair",
    "cancel",
    "succeed",
    "fail",
    "pause",
    "resume",
    "drop",
    "cap",
    "single",
]
CAP = 960

steps = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=12)


def play(lab: Lab, prompt: str, acts: list[tuple[str, int, int]]) -> list[str]:
    """Do one thing after another to sweeps over the same few requests; the ids of the experiments."""
    ids: list[str] = []
    for act, pick, size in acts:
        sweep = Sweep("Fox", "", GenerationRequest(prompt=prompt), {"cfg_scale": [0, 0.5, 1][:size]}, pick % 2 + 1, CAP)
        with suppress(BudgetError, LabError):
            if act in {"start", "fit"}:
                ids.append(lab.start(sweep, only_what_fits=act == "fit"))
            elif act == "single":
                lab.submit(sweep.cells[0].request)
            elif ids:
                steer(lab, ids[pick % len(ids)], act, size)
    return ids


def steer(lab: Lab, id_: str, act: str, size: int) -> None:
    """Do one thing to an experiment."""
    sweeps = lab.sweeps
    waiting = [one for one in ids_of(lab, id_) if lab.get(one).state is State.WAITING]
    simple: dict[str, Callable[[str], object]] = {
        "rest": sweeps.start_rest,
        "retry": sweeps.retry_failed,
        "repair": sweeps.repair,
        "cancel": sweeps.cancel_waiting,
        "pause": sweeps.pause,
        "resume": sweeps.resume,
        "drop": sweeps.drop_planned,
    }
    if act in simple:
        simple[act](id_)
    elif act == "cap":
        sweeps.set_cap(id_, size * 160, "played")
    elif waiting and sweeps.get(id_).paused_at is None and lab.get(waiting[0]).experiment_id in {None, id_}:
        end(lab, waiting[0], State.SUCCEEDED if act == "succeed" else State.FAILED)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=steps)
def test_whatever_is_done_the_books_balance(make_still: Callable[..., Lab], acts: list[tuple[str, int, int]]) -> None:
    """Rows hold what their movements sum to; a generation fills one take of an experiment; bought ones are its own."""
    lab = make_still(simulator_credits=10_000_000)
    count = len(lab.sweeps.list(limit=100_000))
    ids = play(lab, f"A fox, story {count} {len(acts)}", acts)
    with lab.ledger.reading() as connection:
        summed = sa.select(movements.c.generation_id, sa.func.sum(movements.c.credits)).group_by(
            movements.c.generation_id
        )
        held = sa.select(generations.c.id, generations.c.held_credits)
        assert {row[0]: row[1] for row in connection.execute(held)} == {
            row[0]: row[1] for row in connection.execute(summed)
        }
        keys = connection.execute(sa.select(generations.c.idempotency_key)).scalars().all()
        assert len(set(keys)) == len(keys)
        for id_ in ids:
            takes = connection.execute(sa.select(cell_takes).where(cell_takes.c.experiment_id == id_)).all()
            used = Counter(take.generation_id for take in takes if take.generation_id is not None)
            assert set(used.values()) <= {1}
            owners = {
                row.id: row.experiment_id
                for row in connection.execute(sa.select(generations.c.id, generations.c.experiment_id))
            }
            own = [take for take in takes if take.generation_id and not take.reused]
            assert all(owners[take.generation_id] == id_ and take.tries for take in own)
    for id_ in ids:
        assert lab.sweeps.brief(id_).spent_credits <= CAP
