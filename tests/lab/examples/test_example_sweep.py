"""What the finished sweep of a first start promises: real results, outside every figure, only in the simulator, gone in one press."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab, Settings, Sweep, open_lab
from rivya_core.lab.assembly import example_study
from rivya_core.lab.evaluation import observations
from rivya_core.lab.examples import example_sweep
from rivya_core.lab.examples.example_sweep import EXPERIMENT_ID, NOTE
from rivya_core.lab.experiments import repository
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import features
from rivya_core.settings import EMBEDDED_CONNECTION
from tests.conftest import FAST
from tests.until import until

MakeLab = Callable[..., Lab]
CLIPS = 9


def stage(lab: Lab) -> str:
    """How far the study is."""
    return str((lab.ledger.key_value.get(NOTE) or {}).get("stage"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a first start in which the study was finished."""
    folder = tmp_path_factory.mktemp("first") / "data"
    with open_lab(Settings(**{**FAST, "data_dir": folder, "first_start_examples": True})) as lab:
        until(lambda: stage(lab) == "done", what="the study is finished")
    return folder


@pytest.fixture
def studied(finished: Path, data_dir: Path, make_lab: MakeLab) -> Lab:
    """A lab on a copy of it."""
    shutil.copytree(finished, data_dir, dirs_exist_ok=True)
    return make_lab()


def test_the_study_is_finished_by_the_code_that_it_shows(studied: Lab) -> None:
    """Every clip measured here, votes by the stop rule, a verdict in one sentence, and a decision with just these as evidence."""
    with studied.ledger.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(features)).scalar_one() == CLIPS
    found = studied.verdicts.finding(EXPERIMENT_ID)
    ranking = studied.votes.ranking(EXPERIMENT_ID)
    decision = studied.sweeps.get(EXPERIMENT_ID).decision
    assert found is not None
    assert decision is not None
    assert found.text.startswith("cfg_scale 0 moves more than 1; clearly beyond")
    assert decision["verdicts"][0]["words"] + "." == found.text
    assert ranking.is_over
    assert decision["cell"] == studied.votes.winner(EXPERIMENT_ID)
    assert decision["votes"] == {"words": ranking.sentence, "count": ranking.votes, "winner": decision["cell"]}
    assert {voter.name for voter in ranking.voters} == {example_sweep.VOTER}
    assert not studied.ballots.open_rounds(EXPERIMENT_ID)
    rows = studied.history.page().rows
    assert [row.experiment_id for row in rows[3:]] == [EXPERIMENT_ID] * CLIPS  # the other examples come first
    assert all(studied.clip(row.id).is_file() for row in rows)


def test_the_study_is_in_no_figure(studied: Lab) -> None:
    """Neither money nor time nor what is known of a knob."""
    simulated = studied.spending.spent("simulated")
    assert not simulated.groups
    assert studied.spending.experiments("simulated") == []
    assert studied.spending.decisions("simulated").decisions == 0
    assert list(studied.spending.movements()) == []
    assert studied.budget().spent_today_credits == 0
    assert studied.history.typical_s("kling-v2-1-master", "simulated") is None
    assert studied.history.running_count() == 0
    assert studied.verdicts.knob("kling-v2-1-master", "cfg_scale") is None
    row = studied.history.page().rows[-1]
    assert (
        studied.ledger.key_value.learned_price(studied.connection, GenerationRequest.from_canonical(row.request, None))
        is None
    )


def test_a_clip_of_the_study_never_fills_a_take(studied: Lab) -> None:
    """The same sweep costs its full price, whichever way it is bought."""
    sweep = studied.sweeps.sweep_of(EXPERIMENT_ID)
    quote = studied.quote(sweep)
    assert (quote.new, quote.reused, quote.credits) == (CLIPS, 0, CLIPS * 160)
    assert studied.existing(sweep.cells[0].request).ids == ()
    own = studied.start(Sweep("Mine", "", sweep.base, {"cfg_scale": [0]}), experiment_id="xmine")
    assert [take.reused for cell in studied.sweep(own).cells for take in cell.takes] == [False]
    studied.wait_sweep(own)


def test_one_press_removes_the_study_with_the_examples_and_brings_it_back(studied: Lab, make_lab: MakeLab) -> None:
    """Sweep, votes and clips; also over a restart."""
    ids = studied.remove_examples()
    assert len(ids) == 3 + CLIPS
    assert studied.sweeps.list() == []
    assert studied.ballots.candidates() == ()
    assert studied.history.page().total == 0
    studied.close()
    lab = make_lab()
    assert lab.sweeps.list() == []
    assert lab.undelete(ids) == len(ids)
    assert [one.id for one in lab.sweeps.list()] == [EXPERIMENT_ID]
    assert lab.history.page().total == 3 + CLIPS


def test_the_study_is_not_shown_with_a_key(studied: Lab, make_lab: MakeLab) -> None:
    """It is away while the folder is open with one, and there again without."""
    studied.close()
    live = make_lab(api_key="rvya_sk_nobody_answers_here", base_url="http://127.0.0.1:9")
    assert live.sweeps.list() == []
    assert live.ballots.candidates() == ()
    assert all(row.experiment_id is None for row in live.history.page().rows)
    live.close()
    lab = make_lab()
    assert [one.id for one in lab.sweeps.list()] == [EXPERIMENT_ID]
    assert lab.history.page().total == 3 + CLIPS


@pytest.mark.database("postgresql")
def test_a_study_that_moved_to_a_shared_database_is_hidden_and_comes_back_as_in_a_folder(make_lab: MakeLab) -> None:
    """A folder that is moved takes it along; its rows have numbers of their own, which later ones pass over."""
    lab = make_lab(how=open_lab)
    example_sweep.plan_for(lab.ledger, lab.ledger.clock())
    study = example_study(lab)
    study._is_over = False
    study.advance(lambda: True)
    own = [row.id for row in lab.history.page().rows]
    assert (stage(lab), len(own)) == ("made", CLIPS)
    example_sweep.keep_to_the_simulator(lab.ledger, lab.connection)
    assert (list(lab.sweeps.list()), lab.history.page().total) == ([], 0)
    example_sweep.keep_to_the_simulator(lab.ledger, EMBEDDED_CONNECTION)
    assert ([one.id for one in lab.sweeps.list()], lab.history.page().total) == ([EXPERIMENT_ID], CLIPS)
    example_sweep.remove(lab.ledger)
    assert lab.history.page().total == 0
    example_sweep.bring_back(lab.ledger, own[:1])
    assert lab.history.page().total == CLIPS
    assert lab.quote(lab.sweeps.sweep_of(EXPERIMENT_ID)).reused == 0
    assert lab.submit(GenerationRequest(prompt="A red fox")).seq == CLIPS + 1


def test_a_first_start_with_a_key_plans_no_study(make_lab: MakeLab) -> None:
    """Nor does one without examples."""
    live = make_lab(api_key="rvya_sk_nobody_answers_here", base_url="http://127.0.0.1:9", first_start_examples=True)
    assert live.ledger.key_value.get(NOTE) is None


def test_what_was_removed_before_it_was_made_does_not_come(make_lab: MakeLab) -> None:
    """Until it is asked for again; then from where it was."""
    lab = make_lab()
    lab._measure_worker.stop()
    example_sweep.plan_for(lab.ledger, lab.ledger.clock())
    study = example_study(lab)
    lab.remove_examples()
    study.advance(lambda: True)
    assert (stage(lab), lab.sweeps.list()) == ("due", [])


def test_a_study_that_was_interrupted_goes_on(make_lab: MakeLab, finished: Path) -> None:
    """Wherever it ended: before its rows, before a vote, between votes; there is one round and one decision."""
    lab = make_lab()
    lab._measure_worker.stop()
    example_sweep.plan_for(lab.ledger, lab.ledger.clock())
    study = example_study(lab)
    looks = iter([True, True])
    study.advance(lambda: next(looks, False))
    assert (stage(lab), lab.sweeps.list()) == ("due", [])
    study.advance(lambda: True)
    assert stage(lab) == "made"
    study.advance(lambda: True)  # nothing is measured yet
    assert (stage(lab), len(lab.votes.cast(EXPERIMENT_ID))) == ("made", 0)
    with closing(sqlite3.connect(finished / "lab.sqlite3")) as file:
        measured = file.execute("SELECT generation_id, figures FROM lab_features").fetchall()
    with begin_immediate(lab.ledger.database) as connection:
        for generation_id, figures in measured:
            observations.keep(connection, generation_id, 0.1, lab.ledger.clock(), figures=json.loads(figures))
    some = iter([True] * 3)
    study.advance(lambda: next(some, False))
    assert (stage(lab), len(lab.votes.cast(EXPERIMENT_ID))) == ("made", 3)
    study.advance(lambda: True)
    assert stage(lab) == "done"
    assert lab.ballots.candidates()[0].rounds == 1
    assert lab.sweeps.get(EXPERIMENT_ID).decided_at is not None


def test_a_persons_decision_on_the_study_stays(make_lab: MakeLab, studied: Lab) -> None:
    """Whoever was quicker than the example keeps what they chose."""
    del make_lab
    mine = {"cell": 2, "title": "cfg_scale: 1", "why": "Mine", "who": "Ana"}
    with begin_immediate(studied.ledger.database) as connection:
        repository.update(connection, EXPERIMENT_ID, decision=mine)
    example_study(studied)._decide()
    assert studied.sweeps.get(EXPERIMENT_ID).decision == mine
