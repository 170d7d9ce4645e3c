"""What ``rivya_core/drafts.py`` promises: one wish is one intent, and a stored draft is read back whatever it holds."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, strategies as st
from PIL import Image

from rivya_core import GenerationRequest, Lab, State
from rivya_core.api import DEFAULT_MODEL
from rivya_core.api.errors import BudgetError, InvalidRequestError, StorageError
from rivya_core.lab.drafts import drafts, quotes
from rivya_core.lab.drafts.drafts import Draft, DraftImage, Intent, Variant
from rivya_core.lab.drafts.quotes import Price
from rivya_core.lab.ledger.records import Budget
from rivya_core.mode_words import ModeWord

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
VARIANT = Variant("a" * 64, "image/png", "reference-image.png", 640, 480, 1000, ("rotated upright",), "holiday.png")


def after(seconds: float) -> Intent:
    """An intent that was accepted so many seconds before NOW."""
    return Intent("first", "form", NOW - timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("last", "fingerprint", "same"),
    [
        (None, "form", False),
        (Intent("first", "form"), "form", True),
        (after(0.2), "form", True),
        (after(1.9), "form", True),
        (after(2.1), "form", False),
        (after(0.2), "another form", False),
        (Intent("first", "form"), "another form", False),
    ],
    ids=["first", "not accepted", "200 ms", "1.9 s", "2.1 s", "changed at once", "changed before acceptance"],
)
def test_an_intent_lasts_until_the_form_changes_or_two_seconds_after_it_was_accepted(
    last: Intent | None, fingerprint: str, *, same: bool
) -> None:
    """The rule that makes two clicks one task."""
    found = drafts.intent_for(last, fingerprint, NOW)
    assert (found.id == "first") is same
    assert found.fingerprint == fingerprint


def test_a_draft_survives_being_stored() -> None:
    """Everything in the form, the image's two variants and the intent."""
    draft = Draft(
        model="kling-2-6",
        prompt="শিয়াল 🦊",
        values={"duration": "10", "sound": "true"},
        takes=3,
        image=DraftImage(VARIANT, VARIANT, use_original=True),
        intent=after(1),
        parent_id="g2f1-1",
    )
    assert Draft.from_mapping(json.loads(json.dumps(draft.to_mapping()))) == draft


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["model", "prompt", "values", "takes", "image", "intent", "parent_id"]), json_values
    )
)
def test_an_odd_draft_never_stops_the_page(stored: dict[str, Any]) -> None:
    """Whatever an older version or another program wrote."""
    draft = Draft.from_mapping(stored)
    assert 1 <= draft.takes <= 4
    assert draft.spec.id == draft.model


def test_a_submit_is_refused_without_a_trace(lab: Lab) -> None:
    """When the wallet is too small nothing is stored, and the same wish may be tried again."""
    assert lab.simulator is not None
    lab.simulator.world.configure(credits=100)
    lab.check_connection()
    with pytest.raises(BudgetError):
        drafts.submit(lab, Draft(prompt="A red fox"), NOW)
    assert lab.history.page().total == 0
    lab.simulator.world.configure(credits=4800)
    lab.check_connection()
    rows, repeated = drafts.submit(lab, Draft(prompt="A red fox"), NOW)
    assert (len(rows), repeated) == (1, False)


def test_the_original_bytes_are_kept_beside_the_prepared_ones(lab: Lab) -> None:
    """A turned photo with a place in it is sent upright and clean, unless the person wants the original."""
    photo = Image.new("RGB", (40, 30), (200, 100, 50))
    exif = photo.getexif()
    exif[0x0112] = 6
    buffer = BytesIO()
    photo.save(buffer, "JPEG", exif=exif)
    image = drafts.attach_image(lab, buffer.getvalue(), "photo.jpg")
    assert (image.sent.width_px, image.sent.height_px) == (30, 40)
    assert image.original is not None
    assert lab.image(image.original.sha256).read_bytes() == buffer.getvalue()
    chosen = DraftImage(image.prepared, image.original, use_original=True)
    request = drafts.full_request(Draft(prompt="A red fox", image=chosen), lab)
    assert request.image is not None
    assert request.image.data == buffer.getvalue()


@pytest.mark.database
def test_settings_of_a_generation_give_the_same_request(lab: Lab) -> None:
    """Using them again changes nothing, image included."""
    buffer = BytesIO()
    Image.new("RGB", (64, 64), (9, 9, 9)).save(buffer, "PNG")
    params = {"cfg_scale": 0.3}
    request = GenerationRequest(
        prompt="A red fox", params=params, reference_image=buffer.getvalue(), client_request_id="trace-7"
    )
    row = lab.submit(request)
    again = drafts.repeat_request(lab, row)
    assert (again.sha256, again.client_request_id) == (request.sha256, "trace-7")
    used = drafts.full_request(Draft.of_record(row), lab)
    assert (used.prompt, used.params, used.client_request_id) == (request.prompt, request.params, None)


def test_what_is_made_from_a_generations_settings_keeps_it_as_its_parent(lab: Lab) -> None:
    """Changed, sent with a dropped answer, and pressed twice: one task, and each take a child of the first."""
    assert lab.simulator is not None
    first = lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id)
    world = lab.simulator.world
    tasks = len(world.tasks())
    world.add_fault("drop_after_accept", route="create", times=1)
    draft = replace(Draft.of_record(first), prompt="A grey fox")
    (row,), repeated = drafts.submit(lab, draft, NOW)
    stored = Draft.from_mapping(lab.draft())
    (again,), twice = drafts.submit(lab, stored, NOW + timedelta(milliseconds=200))
    assert (again.id, repeated, twice) == (row.id, False, True)
    assert lab.wait(row.id).state is State.SUCCEEDED
    assert (lab.get(row.id).parent_id, stored.parent_id) == (first.id, first.id)
    assert len(world.tasks()) == tasks + 1


def test_one_part_of_a_generation_leaves_the_others_alone(lab: Lab) -> None:
    """Prompt, parameter or image alone; the draft is its child, and what the model does not take is refused."""
    buffer = BytesIO()
    Image.new("RGB", (64, 64), (9, 9, 9)).save(buffer, "PNG")
    params = {"cfg_scale": 0.3, "negative_prompt": "text"}
    row = lab.submit(GenerationRequest(prompt="A red fox", params=params, reference_image=buffer.getvalue()))
    mine = Draft(prompt="My own", values={"duration": "10", "cfg_scale": 0.9})
    assert set(drafts.parts_of(row)) == {"prompt", "duration", "aspect_ratio", "cfg_scale", "negative_prompt", "image"}
    child = replace(mine, parent_id=row.id)
    assert drafts.with_part(mine, row, "prompt") == replace(child, prompt="A red fox")
    for part, value in params.items():
        assert drafts.with_part(mine, row, part) == replace(child, values={**mine.values, part: value})
    taken = drafts.with_part(mine, row, "image")
    assert taken.image is not None
    assert (taken.image.sent.sha256, replace(taken, image=None)) == (row.asset_sha256, child)
    with pytest.raises(InvalidRequestError, match="is not part"):
        drafts.with_part(mine, lab.submit(GenerationRequest(prompt="A red fox")), "image")
    other = Draft(model="veo3-1-fast")
    with pytest.raises(InvalidRequestError, match="is not taken by"):
        drafts.with_part(other, row, "cfg_scale")


def test_a_draft_that_cannot_be_saved_never_pays_twice(lab: Lab) -> None:
    """The disk fills up before the submit: nothing is ordered. Just after it: the rows are told, and a click finds them."""
    draft = Draft(prompt="A red fox")
    examples = sum(lab.ledger.counts().values())
    saved: list[object] = []

    class Full(Lab):
        def change_draft(self, change: Callable[[Mapping[str, Any] | None], Mapping[str, Any]]) -> None:
            saved.append(change)
            if len(saved) in fails:
                raise StorageError("The disk is full")
            super().change_draft(change)

    full = Full(**{one.name: getattr(lab, one.name) for one in fields(lab)})
    fails = {1}
    with pytest.raises(StorageError):
        drafts.submit(full, draft, NOW)
    assert sum(lab.ledger.counts().values()) == examples
    fails = {3}
    (row,), repeated = drafts.submit(full, draft, NOW)
    assert repeated is False
    fails = set()
    (again,), _ = drafts.submit(full, draft, NOW + timedelta(minutes=1))
    assert again.id == row.id
    (later,), _ = drafts.submit(full, draft, NOW + timedelta(minutes=2))
    assert later.id != row.id


def test_a_price_says_where_it_comes_from(lab: Lab) -> None:
    """A list price, an undocumented length, and what was reserved last time are three different things."""
    ten = Draft(prompt="A red fox", values={"duration": "10"})
    assert "Base price" in quotes.price(lab, Draft()).words
    assert quotes.price(lab, ten).words == "Base price. The 10 s price is undocumented and may be higher."
    lab.wait(lab.submit(drafts.full_request(ten, lab)).id)
    assert quotes.price(lab, ten).words == "Price from your last run."
    assert "Base price" in quotes.price(lab, Draft()).words


def budget(balance: int | None, promised: int = 0) -> Budget:
    """What a wallet leaves."""
    available = None if balance is None else balance - promised
    return Budget("live", balance, NOW, promised, available, None, 0, available)


@pytest.mark.parametrize(
    ("balance", "promised", "price", "word", "said"),
    [
        (800, 0, Price(160, 1, ""), "simulated", "640 simulated credits."),
        (800, 0, Price(160, 1, ""), "replay", "640 replay credits."),
        (800, 0, Price(160, 2, ""), "live", "480 credits."),
        (800, 320, Price(160, 1, ""), "live", "320 credits, after 320 reserved for open generations."),
        (800, 0, Price(160, 1, "", is_open=True), "live", "640 credits or less."),
        (160, 0, Price(160, 1, ""), "live", "0 credits."),
        (None, 160, Price(160, 1, ""), "live", "unknown until the wallet answers."),
        (800, 800, Price(160, 1, ""), "live", None),
    ],
    ids=["simulated", "replay", "takes", "reserved", "may be dearer", "all of it", "unknown", "not enough"],
)
def test_the_balance_after_the_run_leaves_what_is_reserved_alone(
    balance: int | None, promised: int, price: Price, said: str | None, word: ModeWord
) -> None:
    """Nothing is said where it does not suffice: the reasons tell it."""
    told = quotes.balance_after(budget(balance, promised), price, word)
    assert told == (f"Balance after the run: {said}" if said else "")


def test_reasons_name_every_field_at_fault(lab: Lab) -> None:
    """Prompt and money are told together."""
    assert lab.simulator is not None
    lab.simulator.world.configure(credits=100)
    lab.check_connection()
    draft = Draft()
    reasons = quotes.reasons(lab.budget(), draft, quotes.price(lab, draft))
    assert reasons[0] == "Write a prompt."
    assert "100 are available" in reasons[1]
    mine = replace(lab.budget(), available_credits=None, person_cap_credits=1440, person_spent_credits=1360)
    (why,) = quotes.reasons(mine, Draft(prompt="A fox"), quotes.price(lab, draft))
    assert why.startswith("Your cap today is 1,440 credits and you used 1,360: 160 more do not fit.")


def test_a_draft_of_an_unknown_model_is_refused_in_words() -> None:
    """The catalogue may lose a model that a recorded request names."""
    draft = Draft.of_request(
        {"model": "kling-v0", "prompt": "A fox", "params": {"duration": "7", "aspect_ratio": "1:1"}}
    )
    for act in (lambda: draft.spec, draft.params):
        with pytest.raises(InvalidRequestError, match="kling-v0"):
            act()
    assert draft.in_catalogue().model == DEFAULT_MODEL
    assert draft.in_catalogue().values == {"aspect_ratio": "1:1"}
    assert Draft().in_catalogue() == Draft()


@pytest.mark.database
def test_two_tabs_that_submit_one_draft_at_the_same_moment_make_one_task(lab: Lab) -> None:
    """Deduplicate clicks of two tabs: whichever comes second finds the intent that the first has just stored."""
    examples = sum(lab.ledger.counts().values())
    for number in range(4):
        draft, start = Draft(prompt=f"A red fox {number}"), threading.Barrier(4)
        lab.save_draft(draft.to_mapping())

        def click(draft: Draft = draft, start: threading.Barrier = start) -> str:
            start.wait()
            return drafts.submit(lab, draft, NOW)[0][0].id

        with ThreadPoolExecutor(4) as tabs:
            ids = {tab.result() for tab in [tabs.submit(click) for _ in range(4)]}
        assert len(ids) == 1
    assert sum(lab.ledger.counts().values()) == examples + 4
