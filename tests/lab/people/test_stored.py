"""What a person does carries their address, in the transaction that does it; without sign-in nothing does."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab, Sweep
from rivya_core.api.errors import BudgetError, LabError
from rivya_core.lab.drafts import drafts, sweep_drafts
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.drafts.sweep_drafts import SweepDraft
from rivya_core.lab.ledger.schema import labels, metadata, shows
from rivya_core.lab.people.person import Person
from rivya_core.web import clip_archive, exports
from tests.lab.test_read_only import Shown, make_shown

ANN, BEN, ADA = Person("ann@team.example", "Ann"), Person("ben@team.example"), Person("ada@lab.example")
PEOPLE = {"makers": "@team.example", "admins": ADA.address}
REQUEST = GenerationRequest(prompt="A red fox")
SWEEP = Sweep("Fox", "", REQUEST, {"cfg_scale": [0, 1]})


@pytest.fixture
def found(make_lab: Callable[..., Lab]) -> Shown:
    """A filled lab where Ann and Ben make, and Ada decides."""
    return make_shown(make_lab, **PEOPLE)


def test_what_is_made_says_by_whom(found: Shown) -> None:
    """Generations, sweeps and what they buy, decisions, shows, caps, pauses, and the timeline of what was done to them."""
    ann, ben, ada = (found.lab.acting_as(one) for one in (ANN, BEN, ADA))
    made = ann.submit(REQUEST)
    takes = ann.submit_takes(GenerationRequest(prompt="A blue fox"), 2, intent_id="two")
    assert {made.person, *(row.person for row in takes)} == {ANN.address}
    assert ann.submit_takes(GenerationRequest(prompt="A blue fox"), 2, intent_id="two")[0].person == ANN.address
    sweep = ben.start(SWEEP)
    ben.sweeps.decide(found.sweep, {"winner": 0})
    ann.sweeps.pause(sweep)
    assert ann.sweeps.get(sweep).paused_by == ANN.address
    ben.sweeps.resume(sweep)
    record = ann.sweeps.get(sweep)
    assert (record.person, record.paused_by) == (BEN.address, BEN.address)
    assert ann.sweeps.get(found.sweep).decided_by == BEN.address
    bought = [take.generation_id for cell in ann.sweep(sweep).cells for take in cell.takes]
    assert {ann.get(one).person for one in bought if one} == {BEN.address}
    ann.cancel(found.waiting)
    assert ann.events(found.waiting)[-1].detail["person"] == ANN.address
    show = ann.shows.create("Hers", [found.clip])
    with found.lab.ledger.reading() as connection:
        assert connection.execute(sa.select(shows.c.person).where(shows.c.id == show.id)).scalar() == ANN.address
    ann.pause_queue()
    pause = found.lab.pause()
    assert pause is not None
    assert pause.person == ANN.address
    ada.resume()
    assert found.lab.ledger.key_value.get(f"resumed_by:{found.lab.connection}") == ADA.address
    ada.set_cap(1600)
    ada.sweeps.set_cap(sweep, 800)
    assert {change.person for change in found.lab.spending.cap_changes("simulated")} == {ADA.address}


def test_what_is_changed_says_by_whom(found: Shown) -> None:
    """Marks of a clip, the last change of a sweep and of a show, the end of a round: each with its undo."""
    ann, ben, ada = (found.lab.acting_as(one) for one in (ANN, BEN, ADA))
    before = len(ann.events(found.clip))
    ann.star(found.clip, True)
    assert ben.star_all([found.clip, found.waiting], False) == 1
    assert ada.delete([found.clip]) == 1
    assert ada.delete([found.clip]) == 0
    ada.undelete([found.clip])
    told = [dict(event.detail) for event in ann.events(found.clip)[before:]]
    assert told == [
        {"starred": "yes", "person": ANN.address},
        {"starred": "no", "person": BEN.address},
        {"deleted": "yes", "person": ADA.address},
        {"deleted": "no", "person": ADA.address},
    ]
    ann.pause_queue()  # what is cancelled below waits until then
    sweep = ben.start(SWEEP)
    assert ben.sweeps.get(sweep).changed_by is None
    for change, who in (
        (lambda: ann.sweeps.rename(sweep, "Foxes"), ANN),
        (lambda: ben.sweeps.hide(sweep), BEN),
        (lambda: ann.sweeps.show(sweep), ANN),
        (lambda: ben.sweeps.cancel_waiting(sweep), BEN),
        (lambda: ann.sweeps.drop_planned(sweep), ANN),
        (lambda: ada.sweeps.delete(sweep), ADA),
    ):
        change()
        assert ann.sweeps.get(sweep).changed_by == who.address
    show = ann.shows.create("Hers", [found.clip])
    assert [(one.person, one.changed_by) for one in ann.shows.list() if one.id == show.id] == [(ANN.address, None)]
    ben.shows.rename(show.id, "His")
    assert [(one.person, one.changed_by) for one in ann.shows.list() if one.id == show.id] == [
        (ANN.address, BEN.address)
    ]
    ada.shows.delete(show.id)
    with found.lab.ledger.reading() as connection:
        assert connection.execute(sa.select(shows.c.changed_by).where(shows.c.id == show.id)).scalar() == ADA.address
    ada.shows.undelete(show.id)
    [back] = [one for one in ann.shows.list() if one.id == show.id]
    assert back.changed_by == ADA.address
    assert back.changed_at > show.changed_at
    round_id = ann.ballots.start(found.sweep, "")
    ben.ballots.end(round_id)
    ann.ballots.end(round_id)
    assert ann.ballots.round(round_id).ended_by == BEN.address
    ben.labels.add("generation", [found.clip], "night")
    with found.lab.ledger.reading() as connection:
        assert connection.execute(sa.select(labels.c.person).where(labels.c.label == "night")).scalar() == BEN.address


def test_nobody_writes_or_votes_in_anothers_name(found: Shown) -> None:
    """Notes, ratings and votes are those of who is signed in, whatever name a page or a script gives."""
    ann, ben = found.lab.acting_as(ANN), found.lab.acting_as(BEN)
    note = ann.reviews.add_note(found.clip, 0.1, "Hers", author="Ben")
    assert note.author == ANN.address
    assert ben.reviews.edit_note(note.id, "His").author == BEN.address
    ann.reviews.rate(found.clip, "overall", 4, author="Ben")
    assert [rating.author for rating in ann.reviews.ratings([found.clip])] == [ANN.address]
    round_id = ann.ballots.start(found.sweep, "")
    assert ann.ballots.round(round_id).voter == ANN.address
    pair = ann.ballots.ballot(round_id)
    assert pair is not None
    with pytest.raises(LabError, match="another person's round"):
        ben.ballots.vote(round_id, pair.left_token, "left")
    assert ann.ballots.vote(round_id, pair.left_token, "left")
    ben.ballots.end(round_id)  # one that was left holds nobody up


def test_without_sign_in_no_person_is_stored(found: Shown) -> None:
    """No column, no event and no note of the database names one."""
    lab = found.lab
    lab.submit(REQUEST)
    lab.start(SWEEP)
    lab.sweeps.decide(found.sweep, {"winner": 0})
    lab.cancel(found.waiting)
    lab.pause_queue()
    lab.resume()
    lab.set_cap(1600)
    before = lab.events(found.clip)
    lab.star(found.clip, True)
    lab.delete([found.clip])
    lab.undelete([found.clip])
    assert lab.events(found.clip) == before
    lab.sweeps.rename(found.sweep, "Foxes")
    lab.labels.add("generation", [found.clip], "night")
    lab.ballots.end(lab.ballots.start(found.sweep, "Ann"))
    with lab.ledger.reading() as connection:
        for table in metadata.sorted_tables:
            for column in table.c:
                if column.name in {"person", "paused_by", "decided_by", "changed_by", "ended_by", "taken_out_by"}:
                    named = sa.select(sa.func.count()).select_from(table).where(column.is_not(None))
                    assert connection.execute(named).scalar() == 0, (table.name, column.name)
    assert all("person" not in event.detail for event in lab.events(found.waiting))
    assert lab.ledger.key_value.get(f"resumed_by:{lab.connection}") is None


def test_a_persons_cap_holds_beside_all_others(found: Shown) -> None:
    """For them alone: in a submit, in a quote and in the figure that a page shows; lowering it needs no reason, raising does."""
    ann, ben, ada = (found.lab.acting_as(one) for one in (ANN, BEN, ADA))
    with pytest.raises(LabError, match="This is for admins"):
        ann.spending.set_person_cap("simulated", ANN.address, 10**6)
    ada.spending.set_person_cap("simulated", "Ann@Team.example", 320)
    ann.submit(REQUEST)
    assert ann.budget().remaining_credits == 160
    assert ann.quote(SWEEP).fits == 1
    with pytest.raises(
        BudgetError, match=r"320 credits needed, 160 credits left of your cap of 320 credits a day"
    ) as caught:
        ann.start(SWEEP)
    assert (caught.value.field, caught.value.fits) == ("person_cap", 1)
    assert ben.start(SWEEP)
    assert ben.budget().person_cap_credits is None
    assert found.lab.budget().person_cap_credits is None
    assert ann.spending.person_caps("simulated") == {ANN.address: 320}
    assert ann.spending.person_caps("live") == {}
    with pytest.raises(LabError, match="needs a reason"):
        ada.spending.set_person_cap("simulated", ANN.address, None)
    ada.spending.set_person_cap("simulated", ANN.address, None, "the demo")
    assert ann.submit(REQUEST).person == ANN.address
    logged = found.lab.spending.cap_changes("simulated")
    assert [(one.cap, one.after_credits, one.person) for one in logged] == [
        ("person:simulated:ann@team.example", None, ADA.address),
        ("person:simulated:ann@team.example", 320, ADA.address),
    ]
    assert found.lab.spending.cap_changes("live") == []


@pytest.mark.parametrize("address", ["", "ann", "a@b@c.example", "ann @lab.example", "a" * 60 + "@lab.example"])
def test_a_cap_is_of_an_address(found: Shown, address: str) -> None:
    """What nobody can sign in with has no cap that could ever hold."""
    with pytest.raises(LabError, match="no e-mail address"):
        found.lab.acting_as(ADA).spending.set_person_cap("live", address, 1)


def test_twenty_threads_of_one_person_get_five_through_a_cap_of_800(make_lab: Callable[..., Lab]) -> None:
    """Read in the transaction that stores the row, as every other cap; what others spend beside it counts for nothing."""
    lab = make_lab(**PEOPLE)
    lab.acting_as(ADA).spending.set_person_cap("simulated", ANN.address, 800)
    lab.acting_as(ADA).pause_queue()

    def submit(number: int) -> bool:
        try:
            lab.acting_as(ANN if number % 2 else BEN).submit(GenerationRequest(prompt=f"Fox {number}"))
        except BudgetError:
            return False
        return True

    with ThreadPoolExecutor(40) as pool:
        done = list(pool.map(submit, range(40)))
    assert (sum(done[1::2]), sum(done[0::2])) == (5, 20)


def test_spend_and_exports_say_by_whom_and_what_is_handed_on_does_not(found: Shown) -> None:
    """A sum a person, a column more in the ledger's own exports; archives, shows and support bundles hold no address."""
    ann = found.lab.acting_as(ANN)
    made = ann.submit(REQUEST)
    ann.reviews.add_note(found.clip, 0.1, "Hers")
    ann.submit_takes(GenerationRequest(prompt="Two"), 2, intent_id="two")
    show = ann.shows.create("Hers", [found.clip])
    spent = found.lab.spending.spent("simulated", of_persons=True).by_person()
    assert spent[ANN.address].held == 480
    assert sum(one.held for one in spent.values()) == found.lab.spending.spent("simulated").total.held
    moved = {line.person for line in found.lab.spending.movements("simulated") if line.generation_id == made.id}
    assert moved == {ANN.address}
    rows = found.lab.history.some([made.id, found.clip])
    sheet = "".join(exports.csv_lines(found.lab.history.marked(rows)))
    assert sheet.splitlines()[0].endswith(",person")
    assert ANN.address in sheet
    packed = zipfile.ZipFile(io.BytesIO(b"".join(clip_archive.pack(found.lab, rows))))
    handed: list[Any] = [packed.read(name) for name in packed.namelist()]
    handed += [found.lab.support_bundle(made.id, prompts=True), found.lab.shows.page(show.id).encode()]
    bundle = zipfile.ZipFile(io.BytesIO(handed[-2]))
    handed += [bundle.read(name) for name in bundle.namelist()]
    handed += list(found.lab.shows.files.pieces(show.id, "zip"))
    assert not any(b"team.example" in part or ANN.address.encode() in part for part in handed)


def test_a_draft_is_its_persons_own(found: Shown) -> None:
    """Nobody finds another's prompt and takes in the form, and two people who press at once with the same words both get a clip."""
    lab = found.lab
    ann, ben = lab.acting_as(ANN), lab.acting_as(BEN)
    of_all = lab.draft()
    ann.save_draft(Draft(prompt="A red fox", takes=4).to_mapping())
    ben.change_draft(lambda kept: {**(kept or {}), "prompt": "A heron"})
    assert (Draft.from_mapping(ann.draft()).prompt, Draft.from_mapping(ann.draft()).takes) == ("A red fox", 4)
    assert (Draft.from_mapping(ben.draft()).prompt, Draft.from_mapping(ben.draft()).takes) == ("A heron", 1)
    sweep_drafts.save(ann, SweepDraft(name="Hers"))
    assert (sweep_drafts.load(ann).name, sweep_drafts.load(ben).name, sweep_drafts.load(lab).name) == ("Hers", "", "")
    assert lab.draft() == of_all
    same, now = Draft(prompt="A tram in the snow"), datetime.now(UTC)
    made = [row.id for theirs in (ann, ben, ann) for row in drafts.submit(theirs, same, now)[0]]
    assert (made[0] != made[1], made[0] == made[2]) == (True, True)
