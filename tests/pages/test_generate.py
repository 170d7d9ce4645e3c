"""What the Generate page promises: a form from the catalogue, one task a wish, a draft that stays, cards that stay."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages._ui import double_click
from rivya_core import GenerationRequest, Lab, State, Sweep
from rivya_core.lab.drafts import drafts
from rivya_core.lab.ledger.history.history import SweepTrouble
from tests.pace import HELD_S
from tests.until import until

Open = Callable[..., AppTest]


def widget(app: AppTest, label: str) -> Any:
    """Find the one widget with a label."""
    kinds = (app.text_area, app.text_input, app.selectbox, app.slider, app.number_input, app.get("file_uploader"))
    [found] = [item for kind in kinds for item in kind if getattr(item, "label", None) == label]
    return found


def generate(app: AppTest) -> Any:
    """The Generate button."""
    [found] = [button for button in app.button if button.label.startswith("Generate")]
    return found


def texts(app: AppTest) -> str:
    """Everything the page says."""
    kinds = (app.text, app.caption, app.markdown, app.title, app.header)
    return "\n".join(str(item.value) for kind in kinds for item in kind)


def wait_for(lab: Lab, count: int) -> None:
    """Wait until so many generations have ended."""
    until(lambda: sum(row.is_terminal for row in lab.history.page().rows) >= count, what="the generations ended")


def jpeg(width: int = 640, height: int = 480) -> bytes:
    """A small photo."""
    buffer = BytesIO()
    Image.new("RGB", (width, height), (90, 60, 200)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "label",
    ["Model", "Prompt", "Negative prompt", "Duration", "Aspect ratio", "cfg_scale", "Reference image", "Takes"],
)
def test_the_form_uses_the_apis_own_words(lab: Lab, open_app: Open, label: str) -> None:
    """Each parameter of Kling V2.1 Master has its widget, found by the API's word."""
    assert widget(open_app(), label)


def test_the_form_starts_with_the_documented_defaults(lab: Lab, open_app: Open) -> None:
    """5 seconds, 16:9, cfg_scale 0.5 in steps of 0.05, one take, Kling V2.1 Master, 160 credits on the button."""
    app = open_app()
    assert widget(app, "Model").value == "kling-v2-1-master"
    assert widget(app, "Duration").value == "5"
    assert widget(app, "Aspect ratio").value == "16:9"
    scale = widget(app, "cfg_scale")
    assert (scale.value, scale.min, scale.max, scale.step) == (0.5, 0.0, 1.0, 0.05)
    assert widget(app, "Takes").value == 1
    assert generate(app).label == "Generate · 160 credits"


@pytest.mark.parametrize("text", ["A red fox", "A red fox\n"])
def test_what_exists_is_said_before_it_is_bought_once_more(lab: Lab, open_app: Open, text: str) -> None:
    """Beside Generate and beside Repeat stands how many clips of exactly this there are, whatever bytes the words came in."""
    lab.submit_many([GenerationRequest(prompt="A red fox")] * 2)
    wait_for(lab, 2)
    app = open_app()
    assert texts(app).count("You have 2 clips of exactly this.") == 1
    widget(app, "Prompt").set_value(text).run()
    assert texts(app).count("You have 2 clips of exactly this.") == 2
    widget(app, "Prompt").set_value("A red fox in snow").run()
    assert texts(app).count("You have 2 clips of exactly this.") == 1


@pytest.mark.parametrize("image", [False, True])
def test_what_exists_of_a_draft_is_what_it_would_send(lab: Lab, image: bool) -> None:
    """The form looks up the request that its draft becomes, its image included, without reading the image."""
    draft = drafts.Draft(prompt="A red fox\r\n", image=drafts.attach_image(lab, jpeg(), "fox.jpg") if image else None)
    row = lab.submit(drafts.full_request(draft, lab))
    found = drafts.existing(lab, draft)
    assert found.ids == (row.id,)
    assert drafts.existing(lab, replace(draft, prompt="")).ids == ()


@pytest.mark.parametrize("text", ["\u200b\ufeff", "\u3164", " \u2800\n"])
def test_a_prompt_that_shows_nothing_disables_the_button(lab: Lab, open_app: Open, text: str) -> None:
    """Invisible characters are no prompt."""
    app = open_app()
    widget(app, "Prompt").set_value(text).run()
    assert generate(app).disabled
    assert "Write a prompt." in texts(app)


def test_an_empty_prompt_disables_the_button_and_says_so(lab: Lab, open_app: Open) -> None:
    """The reason stands beside the button; with a prompt it is gone."""
    app = open_app()
    assert generate(app).disabled
    assert "Write a prompt." in texts(app)
    widget(app, "Prompt").set_value("A red fox").run()
    assert not generate(app).disabled
    assert "Write a prompt." not in texts(app)


@pytest.mark.parametrize(
    ("prompt", "disabled"),
    [("x" * 5000, False), ("x" * 5001, True), ("শিয়াল", False), ("\N{FOX FACE}" * 5000, False)],
    ids=["at the limit", "above the limit", "Bengali", "emoji"],
)
def test_the_prompt_is_counted_against_its_limit(lab: Lab, open_app: Open, prompt: str, *, disabled: bool) -> None:
    """Characters are counted as Python does; above the limit nothing leaves."""
    app = open_app()
    widget(app, "Prompt").set_value(prompt).run()
    assert limits(app) == {"form_prompt": 5000, "form_negative_prompt": None}
    assert generate(app).disabled is disabled


def limits(app: AppTest) -> dict[str, int | None]:
    """The limit that each counter of the page counts against, by the box it counts."""
    found = [part.proto for part in app.get("bidi_component") if part.proto.component_name == "rivya_prompt_counter"]
    data = [json.loads(proto.json or proto.mixed.json) for proto in found]
    return {counter["box"]: counter["limit"] for counter in data}


@pytest.mark.parametrize(
    ("negative", "said"),
    [("Blur, text", "Both prompts say: Blur, text"), ("watermark", None), ("", None)],
    ids=["two words", "none", "empty"],
)
def test_words_of_both_prompts_are_pointed_out(lab: Lab, open_app: Open, negative: str, said: str | None) -> None:
    """To ask for something and to leave it out at once is hardly meant; nothing is refused for it."""
    app = open_app()
    widget(app, "Prompt").set_value("A sign with text in a blur").run()
    widget(app, "Negative prompt").set_value(negative).run()
    assert ("Both prompts say" in texts(app)) is (said is not None)
    assert said is None or said in texts(app)
    assert not generate(app).disabled


def test_what_the_wallet_holds_after_the_run_stands_beside_the_price(lab: Lab, open_app: Open) -> None:
    """It follows the takes, and says that the credits are simulated."""
    app = open_app()
    widget(app, "Prompt").set_value("A red fox").run()
    assert "Balance after the run: 4,640 simulated credits." in texts(app)
    widget(app, "Takes").set_value(4).run()
    assert "Balance after the run: 4,160 simulated credits." in texts(app)


def test_a_prompt_that_is_longer_in_utf16_is_warned_of(lab: Lab, open_app: Open) -> None:
    """Rivya's way of counting is unknown, so the other figure is shown, and nothing is blocked."""
    app = open_app()
    widget(app, "Prompt").set_value("🦊" * 2600).run()
    assert "5200 of 5000 when counted in UTF-16" in texts(app)
    assert not generate(app).disabled


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (5001, "The prompt is 1 character too long: 5,001 of 5,000."),
        (6234, "The prompt is 1,234 characters too long: 6,234 of 5,000."),
    ],
)
def test_a_prompt_that_is_too_long_says_by_how_much(lab: Lab, open_app: Open, length: int, said: str) -> None:
    """In words of the form, once; the counter shows which part it is."""
    app = open_app()
    widget(app, "Prompt").set_value("x" * length).run()
    assert said in texts(app)
    assert "takes at most" not in texts(app)


def test_takes_cannot_be_a_number_that_is_not_meant(lab: Lab, open_app: Open) -> None:
    """One to four are offered, and nothing else can stand in the field."""
    assert widget(open_app(), "Takes").options == ["1", "2", "3", "4"]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two presses of a test are two clicks in a row, however long a busy machine takes for the first."""
    monkeypatch.setattr(drafts, "REUSE_INTENT_S", HELD_S)
    monkeypatch.setattr(double_click, "REUSE_INTENT_S", HELD_S)


def test_takes_multiply_the_price_on_the_button(lab: Lab, open_app: Open) -> None:
    """Four takes of ten seconds are priced, and the unknown price of ten seconds is said."""
    app = open_app()
    widget(app, "Takes").set_value(4).run()
    widget(app, "Duration").set_value("10").run()
    assert generate(app).label == "Generate · 640 credits"
    assert "The 10 s price is undocumented and may be higher." in texts(app)
    assert "Balance after the run: 4,160 simulated credits or less." in texts(app)


def test_generate_submits_the_form_and_shows_the_clip(lab: Lab, open_app: Open) -> None:
    """What the widgets say is what is stored; the finished clip is on the page."""
    app = open_app()
    widget(app, "Prompt").set_value("A red fox").run()
    widget(app, "Negative prompt").set_value("text").run()
    widget(app, "Aspect ratio").set_value("9:16").run()
    widget(app, "cfg_scale").set_value(0.35).run()
    generate(app).click().run()
    [row] = lab.history.page().rows
    assert (row.prompt, row.source) == ("A red fox", "page")
    assert row.params == {"duration": "5", "aspect_ratio": "9:16", "cfg_scale": 0.35, "negative_prompt": "text"}
    lab.wait(row.id)
    app.run()
    assert "Latest clip" in texts(app)
    assert not app.exception


def test_two_clicks_in_a_row_are_one_task(lab: Lab, open_app: Open) -> None:
    """P1: the second click within two seconds finds the rows of the first."""
    app = open_app()
    widget(app, "Prompt").set_value("A red fox").run()
    widget(app, "Takes").set_value(2).run()
    generate(app).click().run()
    generate(app).click().run()
    wait_for(lab, 2)
    assert lab.history.page().total == 2
    assert lab.simulator is not None
    assert len(lab.simulator.world.tasks()) == 2


def test_a_slow_server_does_not_make_two_of_a_double_click(
    lab: Lab, open_app: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two seconds count from the moment the first outcome stood on the page, however long ago it was taken in."""
    monkeypatch.setattr(drafts, "REUSE_INTENT_S", -1.0)  # as if the first press had been taken in long ago
    app = open_app()
    widget(app, "Prompt").set_value("A red fox").run()
    generate(app).click().run()
    generate(app).click().run()
    assert lab.history.page().total == 1
    monkeypatch.setattr(double_click, "REUSE_INTENT_S", -1.0)  # as if the outcome had been on the page for long
    generate(app).click().run()
    assert lab.history.page().total == 2


def _pressed_and_interrupted() -> None:
    import streamlit as st  # noqa: PLC0415 - a script of its own

    from pages._ui import double_click  # noqa: PLC0415 - a script of its own

    if "pressed" not in st.session_state:
        st.session_state["pressed"] = True
        double_click.taken()
    st.text(str(double_click.is_unseen()))


def test_a_press_is_unseen_until_a_page_was_drawn_to_its_end() -> None:
    """A run that the second press interrupts shows nothing; a page that is never drawn holds nobody up for ever."""
    app = AppTest.from_function(_pressed_and_interrupted).run()
    assert [text.value for text in app.text] == ["True"]
    app.session_state["_once_taken_s"] -= double_click.GIVE_UP_S - 5
    assert [text.value for text in app.run().text] == ["True"]
    app.session_state["_once_taken_s"] -= 6
    assert [text.value for text in app.run().text] == ["False"]


def test_a_reloaded_page_still_knows_the_click(lab: Lab, open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The intent is kept with the draft, so a reload between two clicks does not make a second task."""
    # a busy machine draws the page more slowly than a person clicks
    monkeypatch.setattr(drafts, "REUSE_INTENT_S", 600.0)
    first = open_app()
    widget(first, "Prompt").set_value("A red fox").run()
    generate(first).click().run()
    generate(open_app()).click().run()
    assert lab.history.page().total == 1


def test_a_changed_form_is_a_new_wish(lab: Lab, open_app: Open) -> None:
    """Changing anything between two clicks makes a second task."""
    app = open_app()
    widget(app, "Prompt").set_value("A red fox").run()
    generate(app).click().run()
    widget(app, "Prompt").set_value("A red fox, running").run()
    generate(app).click().run()
    assert lab.history.page().total == 2


def test_the_draft_survives_a_page_change_a_reload_and_another_visitor(lab: Lab, open_app: Open) -> None:
    """There is one draft a data folder, and the page shows it again."""
    app = open_app()
    widget(app, "Prompt").set_value("Half a thought").run()
    widget(app, "cfg_scale").set_value(0.8).run()
    app.switch_page("pages/connection.py").run()
    app.switch_page("pages/generate.py").run()
    for seen in (app, open_app()):
        assert widget(seen, "Prompt").value == "Half a thought"
        assert widget(seen, "cfg_scale").value == 0.8


def test_a_tab_that_only_looks_does_not_overwrite_the_draft(lab: Lab, open_app: Open) -> None:
    """The last writer wins, and a rerun is no writing."""
    looking, writing = open_app(), open_app()
    widget(writing, "Prompt").set_value("Newer").run()
    looking.run()
    assert widget(open_app(), "Prompt").value == "Newer"


def test_another_model_gets_its_own_form(lab: Lab, open_app: Open) -> None:
    """Form, limit and price come from the catalogue: Kling 2.6 has sound, no cfg_scale, 1000 characters, 55 credits."""
    app = open_app()
    widget(app, "Prompt").set_value("A red fox").run()
    widget(app, "Model").set_value("kling-2-6").run()
    labels = [item.label for kind in (app.selectbox, app.slider, app.text_area) for item in kind]
    assert "cfg_scale" not in labels
    assert "Negative prompt" not in labels
    assert any("ound" in label for label in labels)
    assert generate(app).label == "Generate · 55 credits"
    assert limits(app) == {"form_prompt": 1000}
    generate(app).click().run()
    [row] = lab.history.page().rows
    assert row.model == "kling-2-6"
    assert "cfg_scale" not in row.params


def test_every_model_of_the_catalogue_draws(lab: Lab, open_app: Open) -> None:
    """No model's parameters break the form."""
    app = open_app()
    for spec in lab.models():
        widget(app, "Model").set_value(spec.id).run()
        assert not app.exception, (spec.id, [error.value for error in app.exception])


def test_a_cap_that_does_not_hold_the_price_is_said_before_the_click(
    make_lab: Callable[..., Lab], open_app: Open
) -> None:
    """The reason names the cap; nothing is stored."""
    lab = make_lab(daily_cap_credits=300)
    app = open_app()
    widget(app, "Prompt").set_value("A red fox").run()
    widget(app, "Takes").set_value(2).run()
    assert generate(app).disabled
    assert "cap is 300 credits" in texts(app)
    assert lab.history.page().total == 0


def test_an_image_is_kept_at_once_and_sent(lab: Lab, open_app: Open) -> None:
    """After a reload the image is still in the draft; the request carries it."""
    app = open_app()
    widget(app, "Reference image").upload("holiday.jpg", jpeg(), "image/jpeg").run()
    assert not app.exception, [error.value for error in app.exception]
    app = open_app()
    assert "holiday.jpg" in texts(app)
    assert "640\N{MULTIPLICATION SIGN}480 px JPEG" in texts(app)
    assert "4:3, not 16:9" in texts(app)
    widget(app, "Prompt").set_value("It begins to move").run()
    generate(app).click().run()
    [row] = lab.history.page().rows
    assert row.asset_sha256 is not None
    assert lab.wait(row.id).state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("notes.png", b"this is text", "not an image"),
        ("photo.jpg", b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64), "HEIC"),
        ("half.jpg", jpeg(1600, 1200)[:5000], ""),
    ],
    ids=["renamed text", "renamed HEIC", "truncated"],
)
def test_a_file_that_is_no_usable_image_is_refused_in_words(
    lab: Lab, open_app: Open, name: str, data: bytes, said: str
) -> None:
    """The signature decides, the page goes on, the draft has no image."""
    app = open_app()
    widget(app, "Reference image").upload(name, data, "image/png").run()
    assert not app.exception
    assert "This image cannot be used" in texts(app)
    assert said in texts(app)
    assert (lab.draft() or {}).get("image") is None


def test_a_refused_image_blocks_the_button_until_it_is_replaced(lab: Lab, open_app: Open) -> None:
    """Without it the clip would be made from the text alone, and paid; a good image frees the form."""
    app = open_app()
    widget(app, "Prompt").set_value("It begins to move").run()
    widget(app, "Reference image").upload("half.jpg", jpeg(1600, 1200)[:5000], "image/jpeg").run()
    assert generate(app).disabled
    assert "The image cannot be used: replace or remove it." in texts(app)
    widget(app, "Reference image").upload("whole.jpg", jpeg(), "image/jpeg").run()
    assert not generate(app).disabled
    assert "The image cannot be used" not in texts(app)
    app.button(key="image_remove").click().run()
    assert not generate(app).disabled


def test_a_refused_image_is_forgotten_with_its_file(lab: Lab, open_app: Open) -> None:
    """Another page lets the uploader go of the file, and another model may take none: nothing stays blocked then."""
    app = open_app()
    widget(app, "Prompt").set_value("It begins to move").run()
    widget(app, "Reference image").upload("half.jpg", jpeg(1600, 1200)[:5000], "image/jpeg").run()
    assert generate(app).disabled
    app.switch_page("pages/connection.py").run()
    app.switch_page("pages/generate.py").run()
    assert not generate(app).disabled
    assert "cannot be used" not in texts(app)


def test_a_small_image_has_a_size_and_its_settings_keep_it(lab: Lab, open_app: Open) -> None:
    """Not 0.00 MB; and the settings of its generation bring back its name and size."""
    app = open_app()
    widget(app, "Reference image").upload("tiny.jpg", jpeg(320, 320), "image/jpeg").run()
    assert " kB" in texts(app)
    widget(app, "Prompt").set_value("It begins to move").run()
    generate(app).click().run()
    [row] = lab.history.page().rows
    lab.wait(row.id)
    app.run()
    app.button(key=f"use_clip_{row.id}").click().run()
    assert "tiny.jpg" in texts(app)
    assert " kB" in texts(app)
    app.button(key="image_remove").click().run()
    app.button(key=f"use_clip_{row.id}").click().run()
    assert " kB" in texts(app)
    app.button(key="settings_keep").click().run()
    assert not [button for button in app.button if button.key == "settings_undo"]
    assert widget(app, "Prompt").value == "It begins to move"


def photo(width: int = 640, height: int = 480) -> bytes:
    """A photo that is not sent as it is: its camera wrote something into it."""
    buffer = BytesIO()
    Image.new("RGB", (width, height), (90, 60, 200)).save(buffer, "JPEG", comment=b"a camera")
    return buffer.getvalue()


def fitted(app: AppTest, way: str) -> AppTest:
    """Choose how the image meets the ratio."""
    groups: list[Any] = list(app.get("button_group"))
    [group] = [item for item in groups if item.key == "form_fit"]
    group.set_value(way)
    return app.run()


def test_an_image_is_cropped_to_the_ratio_and_follows_it(lab: Lab, open_app: Open) -> None:
    """Said beside its preview, and the very bytes of the preview are what the generation is sent with."""
    app = open_app()
    widget(app, "Reference image").upload("holiday.jpg", photo(), "image/jpeg").run()
    assert "The image is 4:3, not 16:9. Rivya may crop. Switch the ratio?" in texts(app)
    fitted(app, "crop")
    assert "640\N{MULTIPLICATION SIGN}360 px JPEG" in texts(app)
    assert "cropped to 16:9" in texts(app)
    assert "Switch the ratio" not in texts(app)
    widget(app, "Aspect ratio").set_value("9:16").run()
    assert "Cropped again, to 9:16." in texts(app)
    assert "270\N{MULTIPLICATION SIGN}480 px JPEG" in texts(app)
    shown = app.session_state["_image"].sent.sha256
    widget(app, "Prompt").set_value("It begins to move").run()
    generate(app).click().run()
    [row] = lab.history.page().rows
    assert row.asset_sha256 == shown
    assert (row.request["reference_image"]["width_px"], row.params["aspect_ratio"]) == (270, "9:16")


def test_a_ratio_that_changes_with_the_very_press_is_followed(lab: Lab, open_app: Open) -> None:
    """No clip is made of an image that was cropped for another ratio."""
    app = open_app()
    widget(app, "Reference image").upload("holiday.jpg", photo(), "image/jpeg").run()
    fitted(app, "crop")
    widget(app, "Prompt").set_value("It begins to move").run()
    widget(app, "Aspect ratio").set_value("1:1")
    generate(app).click().run()
    [row] = lab.history.page().rows
    image = row.request["reference_image"]
    assert (image["width_px"], image["height_px"], row.params["aspect_ratio"]) == (480, 480, "1:1")


@pytest.mark.usefixtures("lab")
def test_an_image_of_the_right_shape_asks_nothing(open_app: Open) -> None:
    """There is nothing to settle; it is offered once the ratio is another one."""
    app = open_app()
    widget(app, "Reference image").upload("wide.jpg", photo(640, 360), "image/jpeg").run()
    assert not [item for item in app.get("button_group") if item.key == "form_fit"]
    widget(app, "Aspect ratio").set_value("1:1").run()
    assert [item for item in app.get("button_group") if item.key == "form_fit"]


@pytest.mark.parametrize("data", [b"this is text", photo(80, 60)], ids=["unusable", "usable"])
def test_another_image_replaces_the_first_with_a_way_back(lab: Lab, open_app: Open, data: bytes) -> None:
    """As a pasted one does: the refusal of an unusable one blocks the form, and Undo brings the first one back."""
    app = open_app()
    widget(app, "Reference image").upload("first.jpg", photo(), "image/jpeg").run()
    widget(app, "Prompt").set_value("It begins to move").run()
    widget(app, "Reference image").upload("second.jpg", data, "image/jpeg").run()
    assert "first.jpg" not in texts(app)
    assert "Image replaced." in texts(app)
    assert generate(app).disabled is (data == b"this is text")
    app.button(key="image_undo").click().run()
    assert not app.exception
    assert "first.jpg" in texts(app)
    assert "Image replaced." not in texts(app)
    assert not generate(app).disabled
    assert (lab.draft() or {})["image"]["prepared"]["original_name"] == "first.jpg"


@pytest.mark.usefixtures("lab")
def test_an_original_file_is_called_unchanged_and_its_copy_is_not(open_app: Open) -> None:
    """The toggle decides which of the two is sent; the sizes stand beside what was done."""
    app = open_app()
    widget(app, "Reference image").upload("holiday.jpg", photo(), "image/jpeg").run()
    assert re.search(r"[\d.]+ → [\d.]+ kB, re-encoded, metadata removed", texts(app))
    assert "unchanged" not in texts(app)
    app.toggle(key="form_use_original").set_value(True).run()
    assert "unchanged, with its metadata" in texts(app)


def test_an_image_that_is_too_big_can_be_shrunk(lab: Lab, open_app: Open) -> None:
    """One press makes it fit, and it is in the draft."""
    noise = Image.effect_noise((2600, 2600), 120).convert("RGB")
    buffer = BytesIO()
    noise.save(buffer, "PNG", compress_level=0)
    app = open_app()
    widget(app, "Reference image").upload("big.png", buffer.getvalue(), "image/png").run()
    [shrink] = [button for button in app.button if button.label.startswith("Shrink")]
    shrink.click().run()
    assert not app.exception
    assert "big.png" in texts(app)
    assert (lab.draft() or {})["image"]["prepared"]["size_bytes"] <= 10_000_000


def test_a_failed_generation_stays_as_a_card_with_its_charge_and_its_id(lab: Lab, open_app: Open) -> None:
    """P6: what happened, charged or not, what is safe now; it goes only when it is dismissed."""
    assert lab.simulator is not None
    lab.simulator.world.add_fault("task_failed", code="generation_failed", message="The scene could not be rendered")
    row = lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id)
    assert row.state is State.FAILED
    app = open_app()
    assert "Not charged" in texts(app)
    assert row.task_id is not None
    assert row.task_id in texts(app)
    assert "What you can do:" in texts(app)
    app.button(key=f"dismiss_{row.id}").click().run()
    assert row.task_id not in texts(app)


def test_failures_are_dismissed_together(lab: Lab, open_app: Open) -> None:
    """One press clears the failed cards; the link leads to them in History, whatever was put away."""
    assert lab.simulator is not None
    for number in range(3):
        lab.simulator.world.add_fault("task_failed", code="generation_failed", message="It could not be rendered")
        row = lab.wait(lab.submit(GenerationRequest(prompt=f"A red fox, {number}")).id)
        assert row.state is State.FAILED
    app = open_app()
    [link] = [link for link in app.get("page_link") if link.proto.label == "1 more in History"]
    assert link.proto.query_string == "state=failed&state=attention"
    app.button(key="dismiss_all").click().run()
    assert "Not charged" not in texts(app)
    assert lab.history.failures_count() == 0
    assert lab.history.page().total == 3


def test_a_server_that_does_not_answer_is_named_with_its_deadline(make_lab: Callable[..., Lab], open_app: Open) -> None:
    """The row under way says what went wrong last and until when the same request is sent again."""
    lab = make_lab(resend_window_s=600.0)
    assert lab.simulator is not None
    lab.simulator.world.add_fault("drop_after_accept", route="create", times=50)
    row = lab.submit(GenerationRequest(prompt="A red fox"))
    until(lambda: lab.get(row.id).error)
    row = lab.get(row.id)
    assert row.error is not None
    said = json.dumps([json.loads(part.proto.json or part.proto.mixed.json) for part in progress_lists(open_app())])
    assert row.error.title in said
    assert "Tried again until" in said
    lab.simulator.world.clear_faults()


def progress_lists(app: AppTest) -> list[Any]:
    """The lists of what is under way."""
    return [part for part in app.get("bidi_component") if part.proto.component_name == "rivya_progress_list"]


def test_repeat_makes_a_new_generation_and_a_double_click_only_one(lab: Lab, open_app: Open) -> None:
    """A repeat is a wish of its own, tied to the one it repeats."""
    first = lab.wait(lab.submit(GenerationRequest(prompt="A red fox", params={"cfg_scale": 0.2})).id)
    app = open_app()
    app.button(key=f"repeat_clip_{first.id}").click().run()
    app.button(key=f"repeat_clip_{first.id}").click().run()
    [again, _first] = lab.history.page().rows
    assert again.parent_id == first.id
    assert again.request_sha256 == first.request_sha256


def test_a_remix_is_a_child_of_what_it_was_made_from(lab: Lab, open_app: Open) -> None:
    """The form says what it is based on, also after a reload; what is sent is its child, until one says that it is not."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id)
    app = open_app()
    app.button(key=f"use_clip_{row.id}").click().run()
    app = open_app()
    assert "Based on the clip of" in texts(app)
    widget(app, "Prompt").set_value("A grey fox").run()
    generate(app).click().run()
    assert lab.history.children(row.id) == [lab.history.page().rows[0]]
    app.button(key="parent_forget").click().run()
    widget(app, "Prompt").set_value("A blue fox").run()
    assert "Based on" not in texts(app)
    generate(app).click().run()
    assert [child.prompt for child in lab.history.children(row.id)] == ["A grey fox"]
    assert lab.history.page().total == 3


def test_one_part_of_a_clip_goes_into_the_form_alone_and_can_be_undone(lab: Lab, open_app: Open) -> None:
    """Text that was typed and not saved yet is kept, and comes back."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="A red fox", params={"cfg_scale": 0.2})).id)
    app = open_app()
    widget(app, "Prompt").set_value("My own")
    menu: Any = app.get("menu_button")[0]
    assert menu.key == f"use_part_clip_{row.id}"
    menu.set_value("cfg_scale").run()
    assert (widget(app, "Prompt").value, widget(app, "cfg_scale").value) == ("My own", 0.2)
    assert "Cfg_scale loaded." in texts(app)
    app.button(key="settings_undo").click().run()
    assert (widget(app, "Prompt").value, widget(app, "cfg_scale").value) == ("My own", 0.5)
    assert "Based on" not in texts(app)


def test_failures_of_a_sweep_are_one_line_with_its_link(lab: Lab, open_app: Open) -> None:
    """However many of its clips failed; putting the line away leaves them in the sweep."""
    assert lab.simulator is not None
    for _ in range(2):
        lab.simulator.world.add_fault("task_failed", code="generation_failed", message="It could not be rendered")
    id_ = lab.start(Sweep("Foxes", "", GenerationRequest(prompt="A red fox"), {"cfg_scale": [0, 1]}))
    until(lambda: len((lab.history.sweep_troubles() or [SweepTrouble("", "")])[0].failed) == 2)
    app = open_app()
    assert "Sweep Foxes: 2 clips failed." in texts(app)
    assert "It could not be rendered" not in texts(app)
    [link] = [link for link in app.get("page_link") if link.proto.label == "Open the sweep"]
    assert link.proto.query_string == f"experiment={id_}"
    app.button(key=f"dismiss_sweep_{id_}").click().run()
    assert "Foxes" not in texts(app)
    assert lab.history.sweep_troubles() == []


def test_use_these_settings_fills_the_form_and_can_be_undone(lab: Lab, open_app: Open) -> None:
    """Nothing is sent; the draft that was there comes back with one press."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="A red fox", params={"cfg_scale": 0.2})).id)
    app = open_app()
    widget(app, "Prompt").set_value("My own draft").run()
    app.button(key=f"use_clip_{row.id}").click().run()
    assert widget(app, "Prompt").value == "A red fox"
    assert widget(app, "cfg_scale").value == 0.2
    app.button(key="settings_undo").click().run()
    assert widget(app, "Prompt").value == "My own draft"
    assert lab.history.page().total == 1


def test_the_copied_request_never_holds_the_key(lab: Lab, open_app: Open) -> None:
    """P4: cURL, Python and JSON read it from the environment; the simulator's, which is no secret, stands beside them."""
    lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id)
    app = open_app()
    copies = [item.value for item in app.code if "A red fox" in item.value]
    assert len(copies) == 3
    assert lab.simulator is not None
    assert not any(lab.simulator.api_key in copy for copy in copies)


def test_text_of_people_is_never_drawn_as_markup(lab: Lab, open_app: Open) -> None:
    """A prompt with an image link and a tag is drawn as its characters."""
    prompt = "![x](https://evil.example/x.png) <b>bold</b> :red[red] $x^2$"
    lab.wait(lab.submit(GenerationRequest(prompt=prompt)).id)
    app = open_app()
    assert any(prompt in str(item.value) for item in app.text)
    assert not any("evil.example" in str(item.value) for kind in (app.markdown, app.caption) for item in kind)


def test_a_paused_queue_stays_as_a_card_and_can_be_resumed(lab: Lab, open_app: Open) -> None:
    """The card says why nothing is sent; resuming removes it."""
    lab.pause_queue()
    app = open_app()
    assert "The queue is paused" in texts(app)
    app.button(key="resume").click().run()
    assert "The queue is paused" not in texts(app)
    assert lab.pause() is None
