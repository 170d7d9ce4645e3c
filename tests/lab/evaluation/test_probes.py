"""What a probe promises: its price before it starts, a hint that never says clear, a verdict kept beside the knob."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab
from rivya_core.api.errors import InvalidRequestError
from rivya_core.lab.evaluation.verdicts import ParameterNote
from rivya_core.lab.experiments import probes
from rivya_core.lab.ledger.schema import generations
from tests.bench.calibration import rendered
from tests.conftest import SMALL_PX
from tests.lab.evaluation.trial import MODEL, store
from tests.until import until

TWO = {"cfg_scale": ["0", "1"]}
CLEAR = "cfg_scale 0 moves more than 1; clearly beyond take-to-take variation"
STRONG = {("0",): 8.0, ("1",): 0.0}


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A lab in which nothing is settled but by the test: two who settle at once each write the note, with their own time."""
    opened = make_lab()
    opened._measure_worker.stop()
    return opened


def known(lab: Lab) -> ParameterNote | None:
    """What stands beside the knob."""
    return lab.verdicts.knob(MODEL, "cfg_scale")


def test_the_plans_are_two_and_their_price_is_said(lab: Lab) -> None:
    """Hint: 2 + 2 for 640 credits. Verdict: 4 + 4 for 1,280."""
    hint, verdict = probes.plans(lab, MODEL)
    assert (hint.kind, hint.clips, hint.credits) == ("hint", 4, 640)
    assert (verdict.kind, verdict.clips, verdict.credits) == ("verdict", 8, 1280)
    for plan in (hint, verdict):
        assert plan.sweep.kind == plan.kind
        assert [cell.request.params["cfg_scale"] for cell in plan.sweep.cells] == [0, 1]
        assert lab.quote(plan.sweep).credits == plan.credits
    assert "never clearly" in hint.promise


def test_a_probe_keeps_the_request_it_is_asked_about(lab: Lab) -> None:
    """Only the knob changes."""
    base = GenerationRequest(prompt="A harbour at dawn", params={"duration": "10", "aspect_ratio": "1:1"})
    for plan in probes.plans(lab, MODEL, "cfg_scale", base):
        for cell in plan.sweep.cells:
            assert cell.request.prompt == base.prompt
            assert cell.request.params == {**base.params, "cfg_scale": cell.request.params["cfg_scale"]}


def test_a_choice_can_be_probed_and_a_text_cannot(lab: Lab) -> None:
    """Two ends are needed."""
    assert len(probes.plans(lab, MODEL, "aspect_ratio")) == 2
    for param in ("negative_prompt", "nothing"):
        with pytest.raises(InvalidRequestError):
            probes.plans(lab, MODEL, param)


def test_the_outcome_is_kept_when_the_last_clip_is_measured(make_lab: Callable[..., Lab]) -> None:
    """From start to note through simulator and measuring, with nobody looking at a page."""
    lab = make_lab()
    assert lab.simulator is not None
    lab.simulator.world.configure(cfg_effect="strong")
    hint, _ = probes.plans(lab, MODEL)
    id_ = lab.start(hint.sweep)
    lab.wait_sweep(id_)
    note = until(lambda: known(lab), what="the note of the knob")
    assert note is not None
    assert (note.verdict, note.experiment_id) == ("too few", id_)
    assert note.words.startswith("Too few takes to tell: so far cfg_scale ")


def test_a_verdict_replaces_a_hint_and_a_later_hint_does_not_replace_it(lab: Lab) -> None:
    """What is known better stays."""
    store(lab, TWO, STRONG, takes=2, kind="hint", experiment_id="xhint")
    lab.verdicts.settle_probes()
    first = known(lab)
    assert first is not None
    assert first.words == (
        "Too few takes to tell: so far cfg_scale 0 moves more than 1, as take-to-take variation alone may do"
    )
    store(lab, TWO, STRONG, kind="verdict", experiment_id="xverdict")
    lab.verdicts.settle_probes()
    second = known(lab)
    assert second is not None
    assert (second.verdict, second.words) == ("clear", CLEAR)
    store(lab, TWO, STRONG, takes=2, kind="hint", experiment_id="xlater")
    lab.verdicts.settle_probes()
    assert known(lab) == second


@pytest.mark.database
def test_a_later_verdict_replaces_an_earlier_one(lab: Lab) -> None:
    """The newest measurement of the same rank holds, and settling again changes nothing."""
    store(lab, TWO, STRONG, kind="verdict", experiment_id="xfirst")
    store(lab, TWO, {}, kind="verdict", experiment_id="xsecond", seed=5)
    lab.verdicts.settle_probes()
    note = known(lab)
    assert note is not None
    assert (note.experiment_id, note.verdict) == ("xsecond", "unclear")
    lab.verdicts.settle_probes()
    assert known(lab) == note


def test_an_unfinished_probe_says_nothing(lab: Lab) -> None:
    """Planned takes of a probe are waited for."""
    store(lab, TWO, STRONG, takes=4, planned=1, kind="verdict")
    lab.verdicts.settle_probes()
    assert known(lab) is None


@pytest.mark.parametrize("looks", [0, 1, 2, 3])
def test_settling_that_was_ended_is_done_another_time(lab: Lab, looks: int) -> None:
    """Wherever it ended, the next time comes to what one run would have come to."""
    store(lab, TWO, STRONG, takes=2, kind="hint", experiment_id="xhint")
    store(lab, TWO, STRONG, experiment_id="xclear")
    store(lab, TWO, {}, experiment_id="xnothing", seed=5)
    left = iter([True] * looks)
    lab.verdicts.settle_probes(lambda: next(left, False))
    lab.verdicts.settle_probes()
    note = known(lab)
    assert note is not None
    assert (note.verdict, note.experiment_id) == ("sweep", "xclear")
    assert "1 of the 2 sweeps" in note.words


def test_a_clear_sweep_is_told_as_one_of_so_many(lab: Lab) -> None:
    """Sweeps that say nothing leave the knob alone; a clear one is named with the number of those that could have been."""
    store(lab, TWO, {}, experiment_id="xnothing", seed=5)
    store(lab, TWO, STRONG, takes=2, experiment_id="xfew")
    lab.verdicts.settle_probes()
    assert known(lab) is None
    store(lab, TWO, STRONG, experiment_id="xclear")
    lab.verdicts.settle_probes()
    note = known(lab)
    assert note is not None
    assert (note.verdict, note.experiment_id) == ("sweep", "xclear")
    assert note.words == (
        "a sweep found a clear effect (“A trial”), cfg_scale 0 moves more than 1; 1 of the 2 sweeps of it that could tell were"
    )
    changes = lab.ledger.changes()
    lab.verdicts.settle_probes()
    assert (known(lab), lab.ledger.changes()) == (note, changes)


def test_a_clear_sweep_stands_beside_an_unclear_probe_and_not_beside_a_clear_one(lab: Lab) -> None:
    """The better evidence is told first; a probe keeps its own words."""
    store(lab, TWO, STRONG, experiment_id="xsweep")
    store(lab, TWO, {}, kind="verdict", experiment_id="xunclear", seed=5)
    lab.verdicts.settle_probes()
    note = known(lab)
    assert note is not None
    assert note.experiment_id == "xsweep"
    assert note.words.endswith("; a probe said: No clear difference between cfg_scale 0 and 1")
    store(lab, TWO, STRONG, kind="verdict", experiment_id="xprobe")
    lab.verdicts.settle_probes()
    note = known(lab)
    assert note is not None
    assert (note.verdict, note.experiment_id, note.words) == ("clear", "xprobe", CLEAR)


@pytest.mark.database
def test_a_sweep_that_runs_is_looked_at_when_it_has_ended(lab: Lab) -> None:
    """Not while takes are open."""
    ids = store(lab, TWO, STRONG)
    last = ids[0][0]
    with lab.ledger.writing() as connection:
        connection.execute(sa.update(generations).where(generations.c.id == last).values(state="running"))
    lab.verdicts.settle_probes()
    assert known(lab) is None
    with lab.ledger.writing() as connection:
        connection.execute(sa.update(generations).where(generations.c.id == last).values(state="succeeded"))
    lab.verdicts.settle_probes()
    assert known(lab) is not None


def test_a_knob_that_changed_together_with_something_else_is_not_judged(lab: Lab) -> None:
    """Nobody can tell which of the two it was."""
    paired = {"cfg_scale": ["0", "1"], "negative_prompt": ["none", "text"]}
    store(lab, paired, {("0", "none"): 8.0}, paired=True, experiment_id="xpaired")
    lab.verdicts.settle_probes()
    assert known(lab) is None


@pytest.mark.database
def test_what_another_process_notes_at_the_same_time_is_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers whose turns of duty meet each note what they judged."""
    store(lab, TWO, STRONG, experiment_id="xclear")
    name, now = f"knob:{lab.mode}:{MODEL}:cfg_scale:sweeps", lab.ledger.clock
    here, met = threading.get_ident(), list[str]()

    def clock() -> datetime:
        if not met and threading.get_ident() == here:
            met.append(name)
            lab.ledger.key_value.set(name, {"xtheirs": {"experiment_id": "xtheirs", "verdict": "unclear"}})
        return now()

    monkeypatch.setattr(lab.ledger.rows, "clock", clock)
    lab.verdicts.settle_probes()
    assert set(lab.ledger.key_value.get(name)) == {"xtheirs", "xclear"}


def test_a_note_of_another_form_is_no_note(lab: Lab) -> None:
    """An old or foreign value never stops a page."""
    for value in ("clear", {"verdict": "clear"}, {"verdict": "a", "words": "b", "experiment_id": "c", "at": "soon"}):
        lab.ledger.key_value.set(f"knob:{lab.mode}:{MODEL}:cfg_scale", value)
        assert known(lab) is None


@pytest.mark.parametrize(("effect", "wanted"), [("strong", "clear"), ("inert", "unclear")])
def test_the_probe_follows_the_simulator(tmp_path: Path, effect: str, wanted: str) -> None:
    """One seeded study each, 4 + 4 real clips, really measured; twenty of each, in full size, are in docs/verdict.md."""
    assert rendered(tmp_path, 3, effect, width_px=SMALL_PX).word == wanted
