"""The facade: what pages and scripts call says yes, or says no in a sentence, and never waits for Rivya."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from rivya_core import GenerationRequest
from rivya_core.api.errors import BudgetError, LabError, RivyaError, StorageError, WaitTimeoutError
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State
from rivya_core.simulator.state.world import World
from tests.pace import HELD_S, quicken
from tests.until import until

REQUEST = GenerationRequest(prompt="A red fox in the snow")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short delays."""
    quicken(monkeypatch)


def world_of(lab: Lab) -> World:
    """The embedded world."""
    assert lab.simulator is not None
    found: World = lab.simulator.world
    return found


def test_takes_are_stored_all_or_none(make_lab: Callable[..., Lab]) -> None:
    """Four takes that fit are four rows of one intent; when the cap allows three, none is stored."""
    lab = make_lab(daily_cap_credits=800)
    rows = lab.submit_takes(REQUEST, 4, intent_id="four")
    assert [(row.intent_id, row.take) for row in rows] == [("four", take) for take in range(1, 5)]
    with pytest.raises(BudgetError) as caught:
        lab.submit_takes(REQUEST, 2, intent_id="two")
    assert caught.value.field == "daily_cap"
    assert lab.ledger.by_intent("two") == []
    assert {lab.wait(row.id).state for row in rows} == {State.SUCCEEDED}
    assert len({lab.get(row.id).clip_sha256 for row in rows}) == 4


@pytest.mark.parametrize("takes", [0, 5, -1])
def test_takes_out_of_range_are_refused(lab: Lab, takes: int) -> None:
    """One to four takes, nothing else."""
    with pytest.raises(LabError) as caught:
        lab.submit_takes(REQUEST, takes, intent_id="x")
    assert caught.value.field == "takes"


def test_a_submit_returns_at_once(lab: Lab) -> None:
    """Submitting waits for no answer of the server, even when it hangs."""
    world_of(lab).add_fault("slow", route="create", delay_s=HELD_S)
    row = lab.submit(REQUEST)
    assert row.state is State.WAITING
    until(lambda: world_of(lab).requests("create"))
    assert lab.submit(REQUEST).state is State.WAITING
    world_of(lab).clear_faults()


def test_a_wait_has_a_deadline_and_the_row_has_none(lab: Lab) -> None:
    """The caller's deadline ends the wait with the state in its sentence; the generation goes on."""
    lab.pause_queue()
    row = lab.submit(REQUEST)
    with pytest.raises(WaitTimeoutError, match="waiting"):
        lab.wait(row.id, timeout_s=0.05)
    lab.resume()
    assert lab.wait(row.id).state is State.SUCCEEDED


def test_an_unknown_id_is_told(lab: Lab) -> None:
    """Every call that takes an id says when there is no such generation."""
    for call in (lab.get, lab.wait, lab.clip, lab.poster, lab.cancel, lab.check_now, lab.ask_again):
        with pytest.raises(LabError):
            call("nobody")


def test_there_is_no_clip_before_the_end(lab: Lab) -> None:
    """The clip of a waiting row is refused in words; it has no poster."""
    lab.pause_queue()
    row = lab.submit(REQUEST)
    with pytest.raises(LabError, match="no clip yet"):
        lab.clip(row.id)
    assert lab.poster(row.id) is None


def test_a_cancelled_row_gives_its_credits_back(make_lab: Callable[..., Lab]) -> None:
    """A waiting row can be taken back once; what it held is free again, and it is never sent."""
    lab = make_lab(daily_cap_credits=160)
    lab.pause_queue()
    row = lab.submit(REQUEST)
    assert (lab.cancel(row.id), lab.cancel(row.id)) == (True, False)
    other = lab.submit(REQUEST)
    lab.resume()
    assert lab.wait(other.id).state is State.SUCCEEDED
    assert not lab.cancel(other.id)
    assert [task.idempotency_key for task in world_of(lab).tasks()] == [other.id]


def test_a_read_only_lab_spends_nothing(make_lab: Callable[..., Lab]) -> None:
    """With RIVYA_READ_ONLY=1 nothing can be submitted or sent again."""
    lab = make_lab(read_only=True)
    with pytest.raises(LabError, match="read-only"):
        lab.submit(REQUEST)
    with pytest.raises(LabError, match="read-only"):
        lab.ask_again("anything")


def test_a_full_disk_refuses_before_anything_is_paid(make_lab: Callable[..., Lab]) -> None:
    """Where a paid clip might find no room nothing is stored or sent."""
    lab = make_lab(min_free_disk_bytes=10**18)
    with pytest.raises(StorageError) as caught:
        lab.submit(REQUEST)
    assert caught.value.field == "disk"
    assert lab.ledger.is_empty()


def test_a_balance_that_is_too_low_is_told_before_anything_is_sent(make_lab: Callable[..., Lab]) -> None:
    """A wallet known to be too low refuses the submit with its figures; an unknown one does not."""
    lab = make_lab(simulator_credits=100)
    until(lambda: lab.balance().credits == 100)
    with pytest.raises(BudgetError) as caught:
        lab.submit(REQUEST)
    assert caught.value.field == "balance"
    assert "100" in str(caught.value)
    assert world_of(lab).requests("create") == []


def test_the_lower_of_two_caps_holds(make_lab: Callable[..., Lab]) -> None:
    """The cap set in the lab and that of the environment both hold."""
    lab = make_lab(daily_cap_credits=800)
    lab.set_cap(160)
    assert lab.cap() == 160
    lab.submit(REQUEST)
    with pytest.raises(BudgetError):
        lab.submit(REQUEST)
    lab.set_cap(None, why="the test goes on")
    lab.submit(REQUEST)
    assert lab.budget().cap_credits == 800


@pytest.mark.parametrize(
    ("code", "status"),
    [("api_key_invalid", 401), ("api_key_revoked", 401), ("api_key_expired", 401), ("api_scope_denied", 403)],
)
def test_a_connection_check_says_what_is_wrong_with_the_key(lab: Lab, code: str, status: int) -> None:
    """Each key error is told with its code and its own words."""
    world_of(lab).add_fault("error", route="credits", times=None, code=code, status=status)
    with pytest.raises(RivyaError) as caught:
        lab.check_connection()
    assert (caught.value.code, caught.value.http_status) == (code, status)
    assert caught.value.hint
    assert caught.value.request_id
    world_of(lab).clear_faults()
    assert lab.check_connection().credits == 4800


def test_a_reference_image_is_kept_with_its_row(lab: Lab) -> None:
    """What was sent can be looked at again; two rows of the same picture share one file."""
    buffer = io.BytesIO()
    Image.new("RGB", (320, 320), (5, 90, 20)).save(buffer, "PNG")
    request = GenerationRequest(prompt="A red fox in the snow", reference_image=buffer.getvalue())
    rows = [lab.wait(lab.submit(request).id) for _ in range(2)]
    assert request.image is not None
    assert lab.image(request.image.sha256).read_bytes() == request.image.data
    assert {row.asset_sha256 for row in rows} == {request.image.sha256}
    assert len(list(lab.archive.root.glob("images/**/*.*"))) == 1
    assert len(world_of(lab).uploads()) >= 1


def test_marks_and_the_draft_are_kept(make_lab: Callable[..., Lab]) -> None:
    """Star, dismissal, deletion with undo and the draft survive a restart."""
    lab = make_lab()
    row = lab.wait(lab.submit(REQUEST).id)
    lab.star(row.id, True)
    lab.dismiss(row.id)
    assert lab.delete([row.id]) == 1
    lab.save_draft({"prompt": "half a sen"})
    lab.close()
    lab = make_lab()
    row = lab.get(row.id)
    assert (row.starred, row.dismissed_at is not None, row.deleted_at is not None) == (True, True, True)
    assert lab.clip(row.id).is_file()
    assert lab.undelete([row.id]) == 1
    assert lab.draft() == {"prompt": "half a sen"}


def test_changes_are_seen_and_rest_is_rest(lab: Lab) -> None:
    """The counter of changes moves when a row does, and stands still while nothing happens."""
    until(lambda: lab.balance().credits is not None)
    before = lab.changes()
    lab.wait(lab.submit(REQUEST).id)
    assert lab.changes() > before


def test_health_says_who_runs_the_jobs(lab: Lab) -> None:
    """A lab that runs its jobs is healthy, and names mode and version."""
    health = lab.health()
    assert (health.ok, health.database, health.engine, health.mode) == (True, "ok", "running", "simulated")
    assert health.version


def test_models_are_the_video_models_that_can_be_called(lab: Lab) -> None:
    """The form offers video models only, the default among them."""
    models = lab.models()
    assert {spec.category for spec in models} == {"video"}
    assert REQUEST.model in {spec.id for spec in models}


def test_many_requests_are_taken_in_whole_or_not_at_all(make_lab: Callable[..., Lab]) -> None:
    """One transaction stores a list of requests; one that does not fit under the cap leaves nothing behind."""
    lab = make_lab(daily_cap_credits=480)
    lab.pause_queue()
    requests = [GenerationRequest(prompt=f"shot {number}") for number in range(4)]
    with pytest.raises(BudgetError):
        lab.submit_many(requests)
    assert lab.ledger.is_empty()
    rows = lab.submit_many(requests[:3])
    assert [row.prompt for row in rows] == ["shot 0", "shot 1", "shot 2"]
    assert {row.state for row in rows} == {State.WAITING}
    lab.resume()
    assert {lab.wait(row.id).state for row in rows} == {State.SUCCEEDED}
