"""What the Verdict and Decision tabs promise: the finding in words and points, and a choice that is a person's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from pages._ui import layout
from rivya_core import Lab
from rivya_core.lab.drafts import sweep_drafts
from rivya_core.lab.evaluation import observations
from rivya_core.lab.ledger.database import begin_immediate, open_database
from rivya_core.lab.ledger.schema import experiments, features, generations
from tests.lab.evaluation.test_ballots import prefer
from tests.lab.evaluation.trial import MODEL, store
from tests.lab.given import make_mp4
from tests.pages.conftest import ROOT, TIMEOUT_S

TWO = {"cfg_scale": ["0", "1"]}
STRONG = {("0",): 8.0, ("1",): 0.0}
CLEAR = "cfg_scale 0 moves more than 1; clearly beyond take-to-take variation."


def opened(view: str, experiment_id: str = "xtrial") -> AppTest:
    """The Sweep page on a tab of an experiment."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S).switch_page("pages/sweep.py")
    app.query_params["experiment"] = experiment_id
    app.query_params["view"] = view
    app = app.run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def judged(lab: Lab, view: str = "Verdict") -> AppTest:
    """The same once the verdict was worked out, by the lab that the pages share."""
    assert lab.settings.data_dir == layout.lab().settings.data_dir
    layout.lab().verdicts.wait("xtrial")
    return opened(view)


def data(component: Any) -> Any:
    """What a component was given to draw."""
    text = component.proto.json or component.proto.mixed.json
    return json.loads(text) if text else None


def said(app: AppTest) -> str:
    """Everything the page says, components included."""
    kinds = (app.text, app.caption, app.markdown, app.header, app.info, app.code)
    words = [str(item.value) for kind in kinds for item in kind]
    return "\n".join(words + [json.dumps(data(part), ensure_ascii=False) for part in app.get("bidi_component")])


def errors(app: AppTest) -> str:
    """What the page refuses."""
    return "\n".join(item.value for item in app.error)


def charts(app: AppTest) -> list[dict[str, Any]]:
    """The charts of the first verdict."""
    found = [data(part) for part in app.get("bidi_component")]
    return next(list(one["charts"]) for one in found if isinstance(one, dict) and "charts" in one)


def with_clips(lab: Lab, ids: list[list[str]]) -> None:
    """Give every generation of a trial a real small clip."""
    for id_ in (one for cell in ids for one in cell):
        path = lab.archive.path(f"clips/{id_}.mp4")
        path.parent.mkdir(parents=True, exist_ok=True)
        make_mp4(path, frames=24)
        with begin_immediate(lab.ledger.database) as connection:
            connection.execute(
                sa.update(generations).where(generations.c.id == id_).values(clip_key=f"clips/{id_}.mp4")
            )


def test_a_clear_verdict_is_said_and_drawn_take_by_take(lab: Lab) -> None:
    """Badge, sentence, rules; a chart a feature with every take as a point, its mean and interval; all marked simulated."""
    ids = store(lab, TWO, STRONG)
    app = judged(lab)
    text = said(app)
    assert CLEAR in text
    assert "cfg_scale 0 moves more than 1 by " in text
    assert "Error rate 5 % for the verdict as a whole" in text
    assert "SIMULATED" in text
    first = charts(app)[0]
    assert (first["key"], [level["name"] for level in first["levels"]]) == ("motion", ["0", "1"])
    points = [point for level in first["levels"] for point in level["points"]]
    assert {point["id"] for point in points} == {one for cell in ids for one in cell}
    assert all(point["href"].endswith(f"/history?id={point['id']}") for point in points)
    assert all("luma levels per frame" in point["label"] for point in points)
    assert first["unit"] == "Motion energy, luma levels per frame"
    assert all(level["low"] < level["mean"] < level["high"] for level in first["levels"])
    assert "The same in every clip: Scene cuts." in text


def test_the_figures_are_there_as_tables_too(lab: Lab) -> None:
    """One row a feature, one row a clip, with a link to each."""
    store(lab, TWO, STRONG)
    app = judged(lab)
    assert not app.dataframe
    app = app.toggle[0].set_value(True).run()
    assert not app.exception
    features_table, clips_table = (table.value for table in app.dataframe)
    assert next(iter(features_table["feature"])) == "Motion energy"
    assert len(clips_table) == 8
    assert all("/history?id=" in link for link in clips_table["open"])


def pair(app: AppTest) -> list[dict[str, Any]]:
    """The two clips that stand side by side below the first sentence."""
    found = [data(part) for part in app.get("bidi_component")]
    return next((list(one["clips"]) for one in found if isinstance(one, dict) and "clips" in one), [])


def test_the_two_clips_that_show_it_stand_below_the_sentence(lab: Lab) -> None:
    """One of each value, named, with the rule that chose them; without files there is no empty frame."""
    ids = store(lab, TWO, STRONG)
    assert pair(judged(lab)) == []
    with_clips(lab, ids)
    app = judged(lab)
    first, second = pair(app)
    assert (first["name"], second["name"]) == ("cfg_scale 0", "cfg_scale 1")
    assert first["id"] in ids[0]
    assert second["id"] in ids[1]
    assert "Chosen by rule: two takes alike in all else" in said(app)


def test_an_unclear_verdict_offers_more_takes_at_the_price_of_the_planner(lab: Lab) -> None:
    """What is still possible in words, and a button that plans the takes; nothing starts."""
    store(lab, TWO, {("0",): 2.6}, seed=1)
    app = judged(lab)
    text = said(app)
    assert "No clear difference between cfg_scale 0 and 1." in text
    assert "Still possible: a difference of up to " in text
    [verdict] = layout.lab().verdicts.look("xtrial").axes
    assert verdict.to_clear is not None
    button = app.button(key="verdict_further_0")
    assert "more clips · " in button.label
    assert "credits" in button.label
    button.click().run()
    assert sweep_drafts.load(lab).takes == verdict.to_clear.takes
    assert len(lab.sweeps.list()) == 1


def test_where_votes_and_figures_disagree_one_sentence_says_so(lab: Lab) -> None:
    """A winner by votes without a clear difference; and nothing of the kind where both agree."""
    with_clips(lab, store(lab, TWO, seed=5))
    round_id = lab.ballots.start("xtrial", "Ana")
    prefer(lab, round_id, [1, 0], 8)
    lab.ballots.end(round_id)
    assert "Votes and figures disagree on cfg_scale: voters prefer cfg_scale 1, while no" in said(judged(lab))


def test_a_disagreement_is_told_of_the_variable_it_is_about(lab: Lab) -> None:
    """What is clear of the other variable does not hide it."""
    table = {"animal": ["fox", "heron"], "cfg_scale": ["0", "1"]}
    with_clips(lab, store(lab, table, {("fox", "0"): 8.0, ("heron", "0"): 8.0}, seed=5))
    round_id = lab.ballots.start("xtrial", "Ana", question="animal")
    prefer(lab, round_id, [2, 3, 0, 1], 8)
    lab.ballots.end(round_id)
    text = said(judged(lab))
    assert "cfg_scale 0 moves more than 1; clearly beyond" in text
    assert "Votes and figures disagree on animal: voters prefer heron, while no measured difference is clear." in text


def test_an_old_decision_with_a_verdict_of_sameness_stays_readable(lab: Lab) -> None:
    """In the words that it was kept in."""
    with_clips(lab, store(lab, TWO))
    old = {"axis": "cfg_scale", "verdict": "same", "words": "same as re-rolling"}
    decision = {"cell": 0, "title": "cfg_scale: 0", "why": "", "who": "Ana", "verdicts": [old], "no_verdict": ""}
    decision |= {"votes": None, "spent_credits": 0, "quoted_credits": 0}
    lab.sweeps.decide("xtrial", decision)
    assert "same as re-rolling" in said(opened("Decision"))


def test_too_few_takes_say_the_price_of_enough(lab: Lab) -> None:
    """And never the word clear."""
    store(lab, TWO, STRONG, takes=2)
    text = said(judged(lab))
    assert "Too few to tell" in text
    assert "4 takes of each combination (4 more clips, 640 credits) would be enough." in text
    assert "Too few takes to tell: so far cfg_scale 0 moves more than 1" in text


def test_progress_is_said_while_clips_are_measured(lab: Lab) -> None:
    """No verdict before the last one."""
    ids = store(lab, TWO, STRONG)
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.delete(features).where(features.c.generation_id == ids[0][0]))
    app = opened("Verdict")
    assert "7 of 8 clips measured" in [item.proto.text for item in app.get("progress")]
    assert "more motion" not in said(app)


def test_the_decision_and_the_probe_say_how_far_the_measuring_is(lab: Lab) -> None:
    """Whoever waits for a verdict reads the same figure wherever it is waited for."""
    ids = store(lab, TWO, STRONG, kind="verdict")
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.delete(features).where(features.c.generation_id.in_([ids[0][0], ids[1][0]])))
    for view in ("Decision", "Grid"):
        assert "Verdict: 6 of 8 clips measured." in said(opened(view))


def test_a_process_that_does_not_measure_says_so(make_lab: Callable[..., Lab], data_dir: Path) -> None:
    """A read-only server runs no jobs: the figure it shows moves only while another process measures."""
    lab = make_lab()
    ids = store(lab, TWO, STRONG)
    lab.close()
    database = open_database(data_dir / "lab.sqlite3")
    with begin_immediate(database) as connection:
        connection.execute(sa.delete(features).where(features.c.generation_id == ids[0][0]))
    database.dispose()
    make_lab(read_only=True)
    assert "This process measures no clips" in said(opened("Verdict"))


def test_a_verdict_that_cannot_be_worked_out_is_a_sentence_with_a_button(lab: Lab) -> None:
    """Not "working the verdict out" for ever; a press tries once more."""
    ids = store(lab, TWO, STRONG)
    told = {"motion": "much", "sharpness": 0.2, "flicker": 1.0, "cuts": 0.0, "likeness": None}
    with begin_immediate(lab.ledger.database) as connection:
        observations.keep(connection, ids[0][0], 0.1, lab.ledger.clock(), figures=told)
    app = judged(lab)
    assert "The verdict could not be worked out" in said(app)
    assert "It could not be worked out" in said(judged(lab, "Decision"))
    with begin_immediate(lab.ledger.database) as connection:
        observations.keep(connection, ids[0][0], 0.1, lab.ledger.clock(), figures={**told, "motion": 18.0})
    app.button(key="verdict_again").click().run()
    assert CLEAR in said(judged(lab))


def test_an_experiment_without_clips_or_variation_says_so(lab: Lab) -> None:
    """In one sentence each."""
    store(lab, TWO, takes=0, planned=4)
    assert "No clip to measure yet" in said(opened("Verdict"))
    store(lab, {"cfg_scale": ["0.5"]}, experiment_id="xone")
    assert lab.verdicts.judge("xone").stage == "judged"
    assert "Nothing was varied" in said(opened("Verdict", "xone"))


def test_words_of_people_stay_words(lab: Lab) -> None:
    """A value that looks like markup is shown as it was typed."""
    evil = "<img src=x onerror=alert(1)> **bold** :red[x]"
    store(lab, {"prompt": [evil, "plain"]}, {(evil,): 8.0})
    app = judged(lab)
    assert evil not in "\n".join(str(item.value) for kind in (app.markdown, app.caption, app.header) for item in kind)
    assert charts(app)[0]["levels"][0]["name"] == evil


def test_the_tab_is_quick_once_the_verdict_is_there(lab: Lab) -> None:
    """The script computes nothing: in CPU time it costs hardly more than the Grid tab of the same experiment."""
    store(lab, {"prompt": ["calm", "storm", "fog"]}, takes=10)
    costs = {}
    for view in ("Verdict", "Grid"):
        app = judged(lab, view)
        spent = []
        for _ in range(8):
            began = time.process_time()
            app.run()
            spent.append((time.process_time() - began) * 1000)
        costs[view] = sorted(spent)[3]
    print(f"{costs['Verdict']:.0f} ms of CPU, {costs['Grid']:.0f} for the grid, test runner included")
    assert costs["Verdict"] < costs["Grid"] + 60


# -- the knob ----------------------------------------------------------------------------------------------------------


def test_what_was_measured_stands_beside_the_knob(lab: Lab, open_app: Callable[..., AppTest]) -> None:
    """First the doubt, then the measurement, marked as the simulator's; never that of the other mode."""
    assert "may have no effect on this model" in said(open_app()).lower()
    store(lab, TWO, STRONG, kind="verdict")
    lab.verdicts.settle_probes()
    text = said(open_app())
    assert "Measured here in the simulator on " in text
    assert f": {CLEAR}" in text
    assert "may have no effect on this model" not in text.lower()
    lab._measure_worker.stop()  # it would write the simulator's note again
    note = lab.ledger.key_value.get(f"knob:simulated:{MODEL}:cfg_scale")
    lab.ledger.key_value.set(f"knob:simulated:{MODEL}:cfg_scale", None)
    lab.ledger.key_value.set(f"knob:live:{MODEL}:cfg_scale", note)
    assert "Measured here" not in said(open_app())


# -- the decision ------------------------------------------------------------------------------------------------------


def decide(app: AppTest, *, cell: int = 0, why: str = "It moves more", who: str = "Ana") -> AppTest:
    """Fill the form and press the button."""
    app.selectbox(key="decision_cell_xtrial").set_value(cell)
    app.text_area(key="decision_why_xtrial").set_value(why)
    app.text_input(key="decision_who").set_value(who)
    app = app.run()
    app = app.button(key="decide").click().run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def test_nothing_is_chosen_for_the_person(lab: Lab) -> None:
    """However clear the verdict, the winner's field is empty, and the button says what is missing when it is pressed."""
    with_clips(lab, store(lab, TWO, STRONG))
    app = judged(lab, "Decision")
    assert app.selectbox(key="decision_cell_xtrial").value is None
    assert CLEAR[:-1] in said(app)
    assert "To decide" not in errors(app)
    app = app.button(key="decide").click().run()
    assert "To decide: choose a winner, say who decides." in errors(app)
    assert lab.sweep("xtrial").experiment.decision is None


def test_the_first_click_decides_with_the_name_as_it_was_typed(lab: Lab) -> None:
    """Name and click may come in one run: the button was never locked before the name was there."""
    with_clips(lab, store(lab, TWO, STRONG))
    app = judged(lab, "Decision")
    app.selectbox(key="decision_cell_xtrial").set_value(1)
    app.text_input(key="decision_who").set_value("Ana")
    assert not app.button(key="decide").disabled
    app.button(key="decide").click().run()
    decision = lab.sweep("xtrial").experiment.decision
    assert decision is not None
    assert (decision["cell"], decision["who"]) == (1, "Ana")


def test_the_winner_of_the_votes_is_chosen_beforehand(lab: Lab) -> None:
    """It says so, and another one can be chosen."""
    with_clips(lab, store(lab, TWO))
    round_id = lab.ballots.start("xtrial", "Ana")
    prefer(lab, round_id, [1, 0], 8)
    lab.ballots.end(round_id)
    app = judged(lab, "Decision")
    assert "The votes suggest: cfg_scale: 1. It is chosen below" in said(app)
    assert app.selectbox(key="decision_cell_xtrial").value == 1
    decide(app, cell=0)
    decision = lab.sweep("xtrial").experiment.decision
    assert decision is not None
    assert decision["cell"] == 0


def test_no_difference_keeps_the_baseline(lab: Lab) -> None:
    """It is a decision of its own; the baseline's request is shown and goes into the form."""
    with_clips(lab, store(lab, TWO))
    with begin_immediate(lab.ledger.database) as connection:
        base = {"prompt": "A fox", "model": MODEL, "params": {"aspect_ratio": "1:1"}}
        spec = {**lab.sweep("xtrial").experiment.spec, "base": base}
        connection.execute(sa.update(experiments).values(spec=spec))
    app = decide(judged(lab, "Decision"), cell=-1, why="Nobody sees it")
    decision = lab.sweep("xtrial").experiment.decision
    assert decision is not None
    assert (decision["cell"], decision["title"]) == (None, "No difference: keep the baseline")
    text = said(app)
    assert "No difference: keep the baseline" in text
    assert "params={'aspect_ratio': '1:1'}" in text
    app.button(key="decision_load").click().run()
    draft = lab.draft()
    assert draft is not None
    assert (draft["prompt"], draft["values"]["aspect_ratio"]) == ("A fox", "1:1")


def test_a_baseline_that_a_cell_asked_for_comes_with_its_clip(lab: Lab) -> None:
    """Then the cell's request is the baseline's."""
    with_clips(lab, store(lab, TWO))
    text = said(decide(judged(lab, "Decision"), cell=-1))
    assert "Baseline" in text
    assert "from rivya_core import GenerationRequest" in text


def test_a_decision_before_the_verdict_says_that_there_was_none(lab: Lab) -> None:
    """While clips are measured the tab says so, and so does what is kept of a decision that did not wait."""
    lab._measure_worker.stop()  # a page that waits for a clip has it measured at once
    ids = store(lab, TWO, STRONG)
    with_clips(lab, ids)
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.delete(features).where(features.c.generation_id == ids[0][0]))
    app = opened("Decision")
    assert "Clips are still being measured" in said(app)
    decide(app)
    kept = lab.sweep("xtrial").experiment.decision
    assert kept is not None
    assert (kept["verdicts"], kept["no_verdict"]) == ([], "Clips are still being measured")


def test_a_decision_keeps_winner_reason_name_and_evidence(lab: Lab) -> None:
    """Stored on the experiment with verdicts and credits of that moment, shown afterwards with clip and snippet."""
    with_clips(lab, store(lab, TWO, STRONG))
    app = decide(judged(lab, "Decision"))
    kept = lab.sweep("xtrial").experiment
    assert kept.decided_at is not None
    assert kept.decision is not None
    assert {key: kept.decision[key] for key in ("cell", "title", "why", "who", "votes")} == {
        "cell": 0,
        "title": "cfg_scale: 0",
        "why": "It moves more",
        "who": "Ana",
        "votes": None,
    }
    assert kept.decision["verdicts"] == [{"axis": "cfg_scale", "verdict": "clear", "words": CLEAR[:-1]}]
    text = said(app)
    for words in ("It moves more", "Ana", "from rivya_core import GenerationRequest", "simulated credits quoted"):
        assert words in text
    assert [button.label for button in app.button if "Load" in button.label] == ["Load into Generate"]


def test_a_decision_can_be_opened_again(lab: Lab) -> None:
    """And made anew."""
    with_clips(lab, store(lab, TWO, STRONG))
    app = decide(judged(lab, "Decision"))
    app = app.button(key="undecide").click().run()
    assert lab.sweep("xtrial").experiment.decision is None
    decide(app, cell=1)
    decision = lab.sweep("xtrial").experiment.decision
    assert decision is not None
    assert decision["cell"] == 1


def test_the_winner_goes_into_the_form(lab: Lab) -> None:
    """Load into Generate puts the request of the winning cell there."""
    ids = store(lab, TWO, STRONG)
    with_clips(lab, ids)
    app = decide(judged(lab, "Decision"))
    app.button(key="decision_load").click().run()
    draft = lab.draft()
    assert draft is not None
    assert draft["prompt"] == lab.get(ids[0][0]).prompt


def test_votes_are_part_of_the_evidence_when_the_rounds_have_ended(lab: Lab) -> None:
    """While somebody votes the tab names nothing that the votes say; a round that was left without a vote hides nothing."""
    with_clips(lab, store(lab, TWO, STRONG))
    assert "Blind votes" in said(judged(lab, "Decision"))
    round_id = lab.ballots.start("xtrial", "Ana")
    dice = np.random.default_rng(1)
    for _ in range(12):
        ballot = lab.ballots.ballot(round_id)
        if ballot is None:
            break
        lab.ballots.vote(round_id, ballot.left_token, "left" if dice.random() < 0.5 else "right")
    assert "A round is open" in said(opened("Decision"))
    left = lab.ballots.start("xtrial", "Mo, who never votes")
    assert lab.ballots.ballot(left) is not None
    lab.ballots.end(round_id)
    text = said(opened("Decision"))
    assert "A round is open" not in text
    assert "after" in text


@pytest.mark.parametrize("view", ["Verdict", "Decision"])
def test_a_reader_sees_the_tabs_and_cannot_decide(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    """A read-only server shows all and changes nothing."""
    lab = make_lab()
    with_clips(lab, store(lab, TWO, STRONG))
    lab.close()
    monkeypatch.setenv("RIVYA_READ_ONLY", "1")
    reader = make_lab(read_only=True)
    app = judged(reader, view)
    assert not [button for button in app.button if button.label == "Decide"]
