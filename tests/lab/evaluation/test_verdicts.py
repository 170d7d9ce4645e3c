"""What a verdict promises: one for each axis, given once, in words that hold no more than the figures do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core import Lab
from rivya_core.api.errors import LabError, WaitTimeoutError
from rivya_core.lab.evaluation import observations, wording
from rivya_core.lab.evaluation.axis_analysis import AxisVerdict
from rivya_core.lab.evaluation.verdicts import Standing
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import cell_takes, cells, features, generations
from rivya_core.lab.ledger.states import State
from tests.lab.evaluation.trial import figures, store

TWO = {"cfg_scale": ["0", "1"]}
STRONG = {("0",): 8.0, ("1",): 0.0}


def judged(lab: Lab, experiment_id: str = "xtrial") -> Standing:
    """The standing once the verdict is there, as a page sees it come."""
    return lab.verdicts.wait(experiment_id)


def only(lab: Lab) -> AxisVerdict:
    """The verdict of an experiment with one axis."""
    [verdict] = judged(lab).axes
    return verdict


def test_a_strong_knob_is_clear_with_feature_direction_and_amount(lab: Lab) -> None:
    """One plain sentence; the grounds say by how much in which unit, with an interval."""
    store(lab, TWO, STRONG)
    verdict = only(lab)
    said = wording.grounds(verdict)
    assert verdict.finding.word == "clear"
    assert wording.headline(verdict) == "cfg_scale 0 moves more than 1; clearly beyond take-to-take variation"
    assert said.startswith("cfg_scale 0 moves more than 1 by ")
    assert "luma levels per frame (95 % interval" in said
    assert "SD between takes" in said
    assert wording.outlook(verdict) == ""
    assert wording.possible(verdict) == ""
    assert "all 70 ways" in wording.ground_rules(verdict)
    assert "Error rate 5 %" in wording.ground_rules(verdict)


@pytest.mark.database
def test_a_combination_added_while_a_sweep_is_read_waits_for_the_next_look(lab: Lab) -> None:
    """What is judged is one state of the sweep: a take is never read without its combination."""
    store(lab, TWO, STRONG)
    added = threading.Event()

    def add(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "FROM lab_cells" not in statement or added.is_set():
            return
        added.set()
        with begin_immediate(lab.ledger.database) as connection:
            for table in (cells, cell_takes):
                first = connection.execute(
                    sa.select(table).where(table.c.experiment_id == "xtrial", table.c.cell == 0)
                ).first()
                assert first is not None
                connection.execute(sa.insert(table).values(**{**first._asdict(), "cell": 2}))

    sa.event.listen(lab.ledger.database, "after_cursor_execute", add)
    assert only(lab).finding.word == "clear"
    assert added.is_set()


def test_unclear_says_what_is_still_possible_and_what_more_takes_cost(lab: Lab) -> None:
    """The largest difference in words; more takes are priced by the combinations they would be of."""
    store(lab, TWO, {("0",): 1.9}, seed=3)
    verdict = only(lab)
    assert wording.headline(verdict) == "No clear difference between cfg_scale 0 and 1"
    widest = verdict.finding.widest
    assert widest is not None
    said = wording.possible(verdict)
    assert said.startswith(f"Still possible: a difference of up to {wording.times(widest.at_most_sd)} the take-to-take")
    assert verdict.to_clear is not None
    assert verdict.to_clear.clips == 2 * (verdict.to_clear.takes - 4)
    assert verdict.to_clear.credits == 160 * verdict.to_clear.clips
    assert f"{verdict.to_clear.credits:,} credits" in wording.outlook(verdict)


def test_takes_that_lie_apart_and_are_too_few_are_not_called_chance(lab: Lab) -> None:
    """Where a feature's own interval leaves zero out, chance is not ruled out, and that is all that is said."""
    store(lab, TWO, {("0",): 2.6}, seed=1)
    verdict = only(lab)
    assert verdict.lead is not None
    assert verdict.finding.word == "unclear"
    assert verdict.finding.p == pytest.approx(4 / 70)
    assert verdict.lead.low > 0
    said = wording.grounds(verdict)
    assert "alone can do that" not in said
    assert "So few takes cannot rule take-to-take variation out: it does as much in 5.71 % of all ways of" in said
    assert "takes of each combination" in wording.outlook(verdict)
    assert wording.of_feature(verdict, verdict.lead).startswith("Not beyond take-to-take variation: cfg_scale 0 moves")


@pytest.mark.parametrize(
    ("multiple", "words"),
    [(0.5, "half"), (0.96, "once"), (2.04, "twice"), (2.34, "2.3 times"), (9.9, "9.9 times"), (31.4, "31 times")],
)
def test_multiples_are_said_in_words(multiple: float, words: str) -> None:
    """As a person would."""
    assert wording.times(multiple) == words


def test_a_feature_without_a_difference_is_given_no_direction(lab: Lab) -> None:
    """A caption says which way only where that was shown."""
    store(lab, TWO, STRONG)
    verdict = only(lab)
    said = {effect.key: wording.of_feature(verdict, effect) for effect in verdict.finding.effects}
    assert said["motion"].startswith("cfg_scale 0 moves more than 1 by ")
    assert said["sharpness"].startswith("No difference shown: ")
    assert "than" not in said["sharpness"]


def test_with_one_take_a_cell_nothing_is_measured_in_takes(lab: Lab) -> None:
    """Nobody knows then how far takes of one cell lie apart."""
    grid = {"cfg_scale": ["0", "1"], "prompt": [f"words {number}" for number in range(8)]}
    store(lab, grid, {("0", f"words {number}"): 8.0 for number in range(8)}, takes=1)
    for verdict in judged(lab).axes:
        texts = [wording.grounds(verdict), wording.ground_rules(verdict), wording.outlook(verdict)]
        texts += [wording.headline(verdict), wording.possible(verdict)]
        texts += [wording.of_feature(verdict, effect) for effect in verdict.finding.effects]
        assert "SD between takes" not in " ".join(texts)


@pytest.mark.parametrize("takes", [1, 2, 3])
def test_too_few_takes_say_how_many_would_do(lab: Lab, takes: int) -> None:
    """Four of each, whatever the difference."""
    store(lab, TWO, STRONG, takes=takes)
    verdict = only(lab)
    assert verdict.finding.word == "too few"
    assert verdict.to_clear is not None
    assert (verdict.to_clear.takes, verdict.to_clear.credits) == (4, 160 * 2 * (4 - takes))
    assert "4 takes of each combination" in wording.outlook(verdict)
    assert "clear" not in wording.headline(verdict)
    assert wording.headline(verdict).startswith("Too few takes to tell")


def test_each_axis_is_judged_within_the_others(lab: Lab) -> None:
    """A prompt that moves far more does not hide what the knob does."""
    axes = {"prompt": ["calm", "storm"], "cfg_scale": ["0", "1"]}
    motion = {("calm", "0"): 4.0, ("calm", "1"): 0.0, ("storm", "0"): 90.0, ("storm", "1"): 86.0}
    store(lab, axes, motion, takes=3)
    prompt, knob = judged(lab).axes
    assert (prompt.axis, knob.axis) == ("prompt", "cfg_scale")
    assert (prompt.finding.word, knob.finding.word) == ("clear", "clear")
    assert wording.headline(prompt) == "storm moves more than calm; clearly beyond take-to-take variation"
    assert wording.headline(knob) == "cfg_scale 0 moves more than 1; clearly beyond take-to-take variation"


def test_axes_that_only_change_together_are_one_verdict(lab: Lab) -> None:
    """Nobody can say which of them did it."""
    store(lab, {"prompt": ["calm", "storm"], "cfg_scale": ["0", "1"]}, {("calm", "0"): 9.0}, paired=True)
    verdict = only(lab)
    assert verdict.axis == "prompt + cfg_scale"
    assert verdict.levels == ("calm · 0", "storm · 1")
    assert wording.headline(verdict).startswith("“calm · 0” moves more than “storm · 1”;")


def test_an_axis_with_one_value_is_not_judged(lab: Lab) -> None:
    """Nothing was varied, so nothing is said."""
    store(lab, {"cfg_scale": ["0.5"]})
    assert judged(lab).axes == ()


def test_no_verdict_while_takes_are_under_way_or_unmeasured(lab: Lab) -> None:
    """It is given once; the progress is said meanwhile."""
    ids = store(lab, TWO, STRONG)
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.delete(features).where(features.c.generation_id == ids[0][0]))
    standing = lab.verdicts.look("xtrial")
    assert (standing.stage, standing.measured, standing.clips, standing.axes) == ("measuring", 7, 8, ())
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(
            sa.update(generations).where(generations.c.id == ids[0][0]).values(state=State.WAITING.value)
        )
    standing = lab.verdicts.look("xtrial")
    assert (standing.stage, standing.open_takes, standing.axes) == ("running", 1, ())
    assert lab.verdicts.judge("xtrial").axes == ()


@pytest.mark.database
def test_planned_takes_are_told_and_do_not_hold_a_verdict_up(lab: Lab) -> None:
    """What was never started may never come."""
    store(lab, TWO, STRONG, planned=2)
    standing = judged(lab)
    assert standing.planned == 4
    assert standing.axes[0].finding.word == "clear"


def test_clips_that_cannot_be_measured_are_told(lab: Lab) -> None:
    """They are neither waited for nor guessed."""
    ids = store(lab, TWO, STRONG, takes=5)
    with begin_immediate(lab.ledger.database) as connection:
        observations.keep(connection, ids[0][0], 0.1, lab.ledger.clock(), error="Its frames cannot be read.")
    standing = judged(lab)
    assert (standing.measured, standing.clips, standing.troubles) == (9, 10, ("Its frames cannot be read.",))
    assert len(standing.axes[0].points) == 9


def test_a_feature_that_some_clips_lack_is_left_out_and_said_so(lab: Lab) -> None:
    """Likeness to an image exists only where there was one."""
    import numpy as np  # noqa: PLC0415 - only here

    ids = store(lab, TWO, STRONG)
    with begin_immediate(lab.ledger.database) as connection:
        told = figures(0.0, np.random.default_rng(4), likeness=0.5)
        observations.keep(connection, ids[0][0], 0.1, lab.ledger.clock(), figures=told)
    verdict = only(lab)
    assert "likeness" not in [effect.key for effect in verdict.finding.effects]
    assert verdict.left_out == ("First frame like the image (measured on 1 of 8 clips)",)


def test_a_new_clip_asks_for_a_new_verdict(lab: Lab) -> None:
    """What was worked out holds while nothing changes, and no longer."""
    ids = store(lab, TWO, STRONG)
    first = only(lab)
    assert only(lab) is first
    with begin_immediate(lab.ledger.database) as connection:
        told = {"motion": 0.0, "sharpness": 0.2, "flicker": 1.0, "cuts": 0.0, "likeness": None}
        observations.keep(connection, ids[0][0], 0.1, lab.ledger.clock(), figures=told)
    assert only(lab) is not first


def test_looking_costs_a_page_next_to_nothing(lab: Lab) -> None:
    """30 clips: a look starts the work beside and does none of it; while nothing changes it reads nothing at all."""
    store(lab, {"prompt": [f"words {number}" for number in range(6)]}, takes=5)
    statements: list[str] = []
    assert lab.verdicts.look("xtrial").stage == "judging"
    standing = judged(lab)

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if threading.current_thread() is threading.main_thread() and "takes" in statement:
            statements.append(statement)

    sa.event.listen(lab.ledger.database, "before_cursor_execute", note)
    assert lab.verdicts.look("xtrial") is standing
    sa.event.remove(lab.ledger.database, "before_cursor_execute", note)
    assert statements == []


# -- what cannot be worked out -----------------------------------------------------------------------------------------


def unworkable(lab: Lab, experiment_id: str = "xtrial", **more: Any) -> list[list[str]]:
    """An experiment with one clip whose figures were stored in a form that nobody can reckon with."""
    ids = store(lab, TWO, STRONG, experiment_id=experiment_id, **more)
    spoil(lab, ids[0][0])
    return ids


def spoil(lab: Lab, generation_id: str, motion: Any = "much") -> None:
    """Replace the figures of one clip."""
    told = {"motion": motion, "sharpness": 0.2, "flicker": 1.0, "cuts": 0.0, "likeness": None}
    with begin_immediate(lab.ledger.database) as connection:
        observations.keep(connection, generation_id, 0.1, lab.ledger.clock(), figures=told)


def faults(caplog: pytest.LogCaptureFixture) -> int:
    """How often those who looked had it tried in vain; the measuring thread keeps verdicts of its own."""
    told = [record for record in caplog.records if "could not be worked out" in record.message]
    return sum(not (record.threadName or "").startswith("rivya-features") for record in told)


def test_a_verdict_that_cannot_be_worked_out_is_said_and_not_tried_at_every_look(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    """One attempt, one line in the log, one sentence; not "being worked out" for ever."""
    unworkable(lab)
    standing = judged(lab)
    assert (standing.stage, standing.axes, "the log has the details" in standing.fault) == ("failed", (), True)
    for _ in range(3):
        assert lab.verdicts.look("xtrial") == standing
        lab.ledger.key_value.set("something", str(_))
    assert lab.verdicts.judge("xtrial") == standing
    assert faults(caplog) == 1


def test_a_failed_verdict_is_tried_again_with_new_evidence(lab: Lab) -> None:
    """Figures that were measured anew."""
    ids = unworkable(lab)
    assert judged(lab).stage == "failed"
    spoil(lab, ids[0][0], 18.0)
    standing = judged(lab)
    assert (standing.stage, standing.fault, len(standing.axes)) == ("judged", "", 1)


def test_a_failed_verdict_is_tried_again_when_a_person_asks(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    """Once for each press."""
    unworkable(lab)
    assert judged(lab).stage == "failed"
    lab.verdicts.try_again("xtrial")
    assert judged(lab).stage == "failed"
    assert faults(caplog) == 2


def test_one_verdict_that_fails_does_not_keep_the_others_from_their_knobs(lab: Lab) -> None:
    """Neither a probe nor a sweep that cannot be judged stops what comes after it."""
    unworkable(lab, "xbadprobe", kind="verdict")
    unworkable(lab, "xbadsweep")
    store(lab, TWO, STRONG, kind="verdict", experiment_id="xgood")
    lab.verdicts.settle_probes()
    note = lab.verdicts.knob("kling-v2-1-master", "cfg_scale")
    assert note is not None
    assert note.experiment_id == "xgood"


@pytest.mark.database
def test_figures_that_are_no_number_end_in_a_standing(lab: Lab) -> None:
    """NaN is not equal to itself: what was worked out from it must be known again all the same."""
    ids = store(lab, TWO, STRONG)
    spoil(lab, ids[0][0], float("nan"))
    standing = judged(lab)
    assert standing.stage in {"judged", "failed"}
    lab.ledger.key_value.set("something", "new")
    assert lab.verdicts.look("xtrial") == standing


def test_a_wait_for_a_verdict_has_a_deadline(lab: Lab) -> None:
    """Its words say how far it was."""
    ids = store(lab, TWO, STRONG)
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.delete(features).where(features.c.generation_id == ids[0][0]))
    with pytest.raises(WaitTimeoutError, match="7 of 8 clips measured"):
        lab.verdicts.wait("xtrial", timeout_s=0)


def test_an_unknown_experiment_is_said_to_be_unknown(lab: Lab) -> None:
    """As an error of ours."""
    with pytest.raises(LabError):
        lab.verdicts.look("nothing")
    with pytest.raises(LabError):
        lab.verdicts.judge("nothing")


@pytest.mark.parametrize("value", [0.0, 1e-15, 0.00448, 1.43, 12.345, 1234567.0, float("inf"), -0.05])
def test_numbers_are_written_for_people(value: float) -> None:
    """Three digits, no exponent, no long tails."""
    text = wording.figure(value)
    assert "e" not in text.replace("1.23e+06", "")
    assert len(text) <= 9


def test_simulated_and_live_probes_do_not_share_a_note(lab: Lab, make_lab: Callable[..., Lab]) -> None:
    """What the simulator does says nothing about the real model."""
    store(lab, TWO, STRONG, kind="verdict", mode="live", experiment_id="xlive")
    lab.verdicts.settle_probes()
    assert lab.verdicts.knob("kling-v2-1-master", "cfg_scale") is None
    store(lab, TWO, STRONG, kind="verdict", experiment_id="xsimulated")
    lab.verdicts.settle_probes()
    note = lab.verdicts.knob("kling-v2-1-master", "cfg_scale")
    assert note is not None
    assert note.experiment_id == "xsimulated"
