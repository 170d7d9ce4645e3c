"""What measuring promises: each figure follows what it is named after, and nothing else; once a clip, and out of the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from rivya_core import GenerationRequest, Lab
from rivya_core.lab.evaluation import measure_worker, observations
from rivya_core.lab.evaluation.features import (
    FEATURES,
    VERSION,
    Figures,
    StoppedError,
    UnmeasurableError,
    measure,
)
from rivya_core.lab.evaluation.measure_worker import HOLD_BACK_S, WATCHED_FOR_S, MeasureWorker
from rivya_core.lab.evaluation.verdicts import Standing
from rivya_core.lab.experiments.service import Sweep
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.schema import features, generations
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.archive import Archive
from tests.lab.evaluation import pictures
from tests.until import HANGS_S, until


def figure(path: Path, key: str, image: Path | None = None) -> float:
    """One figure of a clip that has it."""
    found = measure(path, image)[key]
    assert found is not None
    return found


def test_every_feature_is_measured_and_explained(tmp_path: Path) -> None:
    """A clip has a figure for each, but for the likeness to an image that was not there."""
    found = measure(pictures.moving(tmp_path / "a.mp4", 2))
    assert set(found) == {feature.key for feature in FEATURES}
    assert [key for key, value in found.items() if value is None] == ["likeness"]
    assert all(feature.unit and feature.definition.endswith(".") for feature in FEATURES)


def test_the_same_clip_gives_the_same_figures(tmp_path: Path) -> None:
    """To the last digit."""
    clip = pictures.moving(tmp_path / "a.mp4", 3)
    assert measure(clip) == measure(clip)


def test_motion_grows_with_the_pace(tmp_path: Path) -> None:
    """A still clip has next to none; a faster pan has more."""
    paces = [figure(pictures.moving(tmp_path / f"{pixels}.mp4", pixels), "motion") for pixels in (1, 2, 5)]
    assert figure(pictures.still(tmp_path / "still.mp4"), "motion") < 0.2
    assert 0.5 < paces[0] < paces[1] < paces[2]


def test_light_is_flicker_and_not_motion(tmp_path: Path) -> None:
    """Brightness that jumps to and fro counts as flicker, in levels; as motion it counts for little."""
    flickering = measure(pictures.lit(tmp_path / "flicker.mp4", [0, 10] * 24))
    assert flickering["flicker"] == pytest.approx(10 * 219 / 255, rel=0.05)
    assert (flickering["motion"] or 0) < 10 * 219 / 255 / 5  # what the encoder made of it


def test_a_fade_and_a_pan_are_no_flicker(tmp_path: Path) -> None:
    """What goes on at the same pace cancels."""
    fade = figure(pictures.lit(tmp_path / "fade.mp4", range(48)), "flicker")
    pan = figure(pictures.moving(tmp_path / "pan.mp4", 3), "flicker")
    assert fade < 0.5
    assert pan < 0.5


def test_sharper_pictures_measure_sharper(tmp_path: Path) -> None:
    """Softening the same picture lowers the figure step by step."""
    sharp = [figure(pictures.still(tmp_path / f"{blur}.mp4", blur_px=blur), "sharpness") for blur in (0.6, 1.5, 3.0)]
    assert sharp[0] > sharp[1] > sharp[2] > 0


def test_cuts_are_counted_and_are_neither_motion_nor_flicker(tmp_path: Path) -> None:
    """Two still scenes make one cut and hardly anything else."""
    found = measure(pictures.cut(tmp_path / "cut.mp4"))
    assert found["cuts"] == 1
    assert (found["motion"] or 0) < 0.3
    assert (found["flicker"] or 0) < 0.3
    assert figure(pictures.moving(tmp_path / "pan.mp4", 5), "cuts") == 0


def test_likeness_compares_the_first_frame_with_the_cropped_image(tmp_path: Path) -> None:
    """The picture itself, given larger and in another shape, is alike; another one is not."""
    clip = pictures.still(tmp_path / "a.mp4")
    inner = Image.fromarray(pictures.scene(1)).resize((640, 360))
    tall = Image.new("L", (640, 480), 90)
    tall.paste(inner, (0, 60))
    tall.save(tmp_path / "same.png")
    Image.fromarray(pictures.scene(9)).save(tmp_path / "other.png")
    assert figure(clip, "likeness", tmp_path / "same.png") > 0.9
    assert figure(clip, "likeness", tmp_path / "other.png") < 0.6


@pytest.mark.parametrize("content", [b"", b"not a film", b"\x00\x00\x00\x18ftypmp42" + bytes(500)])
def test_what_is_no_film_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    """With a sentence, never a library's exception."""
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(UnmeasurableError, match="cannot be measured"):
        measure(path)
    with pytest.raises(UnmeasurableError):
        measure(tmp_path / "nowhere.mp4")


def test_a_broken_image_does_not_pass_for_a_figure(tmp_path: Path) -> None:
    """Its clip cannot be measured, and the sentence says what is at fault."""
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(UnmeasurableError) as error:
        measure(pictures.still(tmp_path / "a.mp4"), tmp_path / "a.png")
    assert "image" in error.value.detail


def test_measuring_ends_when_it_is_no_longer_wanted(tmp_path: Path) -> None:
    """Within a frame."""
    asked = iter([True] * 5 + [False] * 100)
    with pytest.raises(StoppedError):
        measure(pictures.still(tmp_path / "a.mp4"), go_on=lambda: next(asked))


# -- in the background -------------------------------------------------------------------------------------------------


def rows(lab: Lab) -> dict[str, tuple[Figures | None, str | None]]:
    """Every stored measurement."""
    with lab.ledger.reading() as connection:
        found = connection.execute(sa.select(features).where(features.c.version == VERSION)).all()
    return {row.generation_id: (row.figures, row.error) for row in found}


def sweep(prompt: str = "folds of silk", takes: int = 2) -> Sweep:
    """A small one."""
    return Sweep("Silk", "", GenerationRequest(prompt=prompt), {"cfg_scale": [0, 1]}, takes)


def measured(lab: Lab, experiment_id: str) -> Standing:
    """The standing of an experiment once its clips are measured, as somebody who waits for it sees it come."""
    return lab.verdicts.wait(experiment_id)


def test_clips_of_experiments_are_measured_once_and_no_others(lab: Lab) -> None:
    """A clip of the Generate page is left alone until an experiment reuses it."""
    single = lab.wait(lab.submit(GenerationRequest(prompt="a nebula")).id)
    measured(lab, lab.start(sweep()))
    first = rows(lab)
    assert len(first) == 4
    assert single.id not in first
    assert all(figures is not None and error is None for figures, error in first.values())
    measured(lab, lab.start(Sweep("Again", "", GenerationRequest(prompt="a nebula"))))
    assert single.id in rows(lab)
    assert {key: value for key, value in rows(lab).items() if key != single.id} == first


def test_a_clip_that_cannot_be_measured_is_kept_with_the_reason(lab: Lab) -> None:
    """Asked once, not for ever; and the experiment is not held up by it."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="a nebula")).id)
    until(lambda: lab.get(row.id).clip_check == "whole")
    lab.clip(row.id).write_bytes(b"damaged")
    standing = measured(lab, lab.start(Sweep("Again", "", GenerationRequest(prompt="a nebula"))))
    assert (standing.measured, standing.clips, len(standing.troubles)) == (0, 1, 1)
    figures, error = rows(lab)[row.id]
    assert figures is None
    assert error is not None
    assert "cannot be read" in error
    with lab.ledger.reading() as connection:
        assert not observations.due_clips(connection, 10)


@pytest.mark.database
def test_a_clip_fetched_again_is_measured_again(lab: Lab) -> None:
    """An error holds only until the file is replaced."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="a nebula")).id)
    until(lambda: lab.get(row.id).clip_check == "whole")
    lab.clip(row.id).write_bytes(b"damaged")
    measured(lab, lab.start(Sweep("Again", "", GenerationRequest(prompt="a nebula"))))
    lab.clip(row.id).unlink()
    lab.check_now(row.id)
    until(lambda: rows(lab)[row.id][0] is not None)


# -- whose turn it is --------------------------------------------------------------------------------------------------


class Times:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def times() -> Times:
    """The clock of the measuring."""
    return Times()


@pytest.fixture
def by_hand(lab: Lab, times: Times) -> MeasureWorker:
    """A measuring that takes its steps when a test asks for them, over the clips of two experiments that nobody measured."""
    for id_, prompt in (("xold", "folds of silk"), ("xnew", "a harbour")):
        lab.start(sweep(prompt, takes=1), experiment_id=id_)
        lab.verdicts.wait(id_)
    lab._measure_worker.stop()
    with lab.ledger.writing() as connection:
        connection.execute(sa.delete(features))
    return MeasureWorker(lab.ledger, lab.archive, lambda: True, clock=times)


def be_busy(lab: Lab, *, busy: bool = True) -> None:
    """Make a row look as if its create were in flight, or end that."""
    state = State.SUBMITTING if busy else State.SUCCEEDED
    with lab.ledger.writing() as connection:
        first = sa.select(generations.c.id).order_by(generations.c.seq).limit(1).scalar_subquery()
        connection.execute(sa.update(generations).where(generations.c.id == first).values(state=state.value))


def test_measuring_holds_back_while_creates_are_in_flight(lab: Lab, by_hand: MeasureWorker, times: Times) -> None:
    """Busy jobs come first, but not for ever: one clip every few seconds; without them one clip follows the other."""
    be_busy(lab)
    for expected in (1, 2):
        assert by_hand.step()
        assert not by_hand.step()
        times.now_s += HOLD_BACK_S - 0.1
        assert not by_hand.step()
        assert len(rows(lab)) == expected
        times.now_s += 0.1
    be_busy(lab, busy=False)
    while by_hand.step():
        pass
    assert len(rows(lab)) == 4


def test_a_clip_whose_check_is_put_off_is_checked_later(lab: Lab, by_hand: MeasureWorker, times: Times) -> None:
    """However long ago it was made, it keeps its place while the jobs are busy."""
    while by_hand.step():
        pass
    with lab.ledger.writing() as connection:
        made = {"clip_check": None, "finished_at": lab.ledger.clock() - timedelta(days=1)}
        connection.execute(sa.update(generations).values(**made))
    be_busy(lab)
    checking = MeasureWorker(lab.ledger, lab.archive, lambda: True, clock=times)
    assert checking.step()
    for _ in range(10):
        assert not checking.step()
    be_busy(lab, busy=False)
    while checking.step():
        pass
    with lab.ledger.reading() as connection:
        found = connection.scalars(sa.select(generations.c.clip_check).order_by(generations.c.seq).offset(1))
        assert list(found) == ["whole"] * 3


def test_what_somebody_waits_for_comes_first_and_is_not_held_back(
    lab: Lab, by_hand: MeasureWorker, times: Times
) -> None:
    """The clips of the experiment that is looked at, one after the other, though jobs are busy, and as long as it is."""
    be_busy(lab)
    assert by_hand.step()
    assert not by_hand.step()
    by_hand.want("xnew")
    assert by_hand.step()
    assert by_hand.step()
    assert lab.verdicts.look("xnew").measured == 2
    assert by_hand._requested_now() == ["xnew"]
    times.now_s += WATCHED_FOR_S + 0.1
    assert by_hand._requested_now() == []


def test_a_clip_that_low_priority_does_not_bring_through_is_measured_all_the_same(
    lab: Lab, by_hand: MeasureWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However busy the machine is: after a while the clip is taken up at the usual priority, and measured once."""
    monkeypatch.setattr(measure_worker, "PATIENCE_S", 0.0)
    while by_hand.step():
        pass
    assert len(rows(lab)) == 4
    assert all(figures is not None for figures, _ in rows(lab).values())


def test_somebody_who_begins_to_wait_ends_the_low_priority(
    lab: Lab, by_hand: MeasureWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip whose thread of low priority never has its turn is taken up at once when somebody looks."""
    started, turn = threading.Event(), threading.Event()

    def starve() -> None:
        started.set()
        turn.wait(HANGS_S)

    monkeypatch.setattr(measure_worker, "step_back", starve)
    stepping = threading.Thread(target=by_hand.step)
    stepping.start()
    assert started.wait(HANGS_S)
    assert rows(lab) == {}
    by_hand.want("xold")
    stepping.join(HANGS_S)
    turn.set()
    assert len(rows(lab)) == 1
    by_hand.stop()


def test_only_the_process_that_runs_the_jobs_measures(ledger: Ledger, archive: Archive) -> None:
    """A viewer's thread looks at nothing until it takes over."""
    asked, settled = threading.Semaphore(0), threading.Event()
    runs_jobs = threading.Event()

    def is_executor() -> bool:
        asked.release()
        return runs_jobs.is_set()

    measurer = MeasureWorker(ledger, archive, is_executor)
    measurer.start(lambda _: settled.set())
    try:
        for _ in range(3):
            assert asked.acquire(timeout=HANGS_S)
        assert not settled.is_set()
        runs_jobs.set()
        assert settled.wait(HANGS_S)
    finally:
        measurer.stop()


def test_what_cannot_be_settled_holds_nothing_up(ledger: Ledger, archive: Archive) -> None:
    """It is tried when something is new, not at every look; the thread goes on."""
    calls = threading.Semaphore(0)

    def settle(_: Callable[[], bool]) -> None:
        calls.release()
        raise ValueError("a note nobody can read")

    looks = threading.Semaphore(0)

    def is_executor() -> bool:
        looks.release()
        return True

    measurer = MeasureWorker(ledger, archive, is_executor)
    measurer.start(settle)
    try:
        assert calls.acquire(timeout=HANGS_S)
        while looks.acquire(blocking=False):
            pass
        assert looks.acquire(timeout=HANGS_S)
        assert looks.acquire(timeout=HANGS_S)  # a whole look lies between the two
        assert not calls.acquire(blocking=False)
        ledger.key_value.set("something", "new")
        assert calls.acquire(timeout=HANGS_S)
    finally:
        measurer.stop()


def test_settling_ends_when_the_lab_closes(ledger: Ledger, archive: Archive) -> None:
    """A folder with many sweeps may have minutes of it to do."""
    began, ended = threading.Event(), threading.Event()

    def settle(go_on: Callable[[], bool]) -> None:
        began.set()
        until(lambda: not go_on(), what="the end")
        ended.set()

    measurer = MeasureWorker(ledger, archive, lambda: True)
    measurer.start(settle)
    assert began.wait(HANGS_S)
    measurer.stop()
    assert ended.is_set()


def test_closing_the_lab_ends_the_measuring(make_lab: Callable[..., Lab]) -> None:
    """No thread stays behind, whatever it was doing."""
    lab = make_lab()
    lab.wait_sweep(lab.start(sweep(takes=3)))
    lab.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("rivya-features")]
