"""What a clip given to Generate promises: its settings fill the form with a way back, and nothing is ever sent by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from rivya_core import Lab
from rivya_core.lab.shows.pictures.recipe import FORMAT, write_recipe
from tests.lab.video_files import make_clip
from tests.pages.test_generate import generate, jpeg, texts, widget

Open = Callable[..., AppTest]

ASKED: dict[str, Any] = {
    "model": "kling-v2-1-master",
    "prompt": "A <b>red</b> fox, \u72d0",
    "params": {"duration": "10", "aspect_ratio": "9:16", "cfg_scale": 0.7, "negative_prompt": "blur"},
    "reference_image": None,
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip without settings."""
    return make_clip(tmp_path_factory.mktemp("clips") / "plain.mp4", frames=6)


def carrying(plain: Path, mode: str = "live", **changes: Any) -> bytes:
    """A clip that carries settings."""
    told = {"format": FORMAT, "made_by": "Rivya Lab 0.1.0", "mode": mode, "request": {**ASKED, **changes}}
    write_recipe(plain, plain.with_name("carrying.mp4"), json.dumps(told))
    return plain.with_name("carrying.mp4").read_bytes()


def give(app: AppTest, data: bytes) -> AppTest:
    """Drop a clip on the form."""
    widget(app, "Reference image").upload("clip.mp4", data, "video/mp4")
    return app.run()


def test_a_clip_fills_the_form_with_a_way_back_and_sends_nothing(lab: Lab, open_app: Open, plain: Path) -> None:
    """Every setting it carries, said of which kind of clip, and one press brings back what was there."""
    app = open_app()
    widget(app, "Prompt").set_value("Mine").run()
    app = give(app, carrying(plain))
    assert not app.exception, [error.value for error in app.exception]
    found = {label: widget(app, label).value for label in ("Prompt", "Negative prompt", "Duration", "Aspect ratio")}
    assert list(found.values()) == [ASKED["prompt"], "blur", "10", "9:16"]
    assert widget(app, "cfg_scale").value == 0.7
    assert "Settings of a live clip loaded." in texts(app)
    assert lab.history.page().total == 0
    assert not generate(app).disabled
    app.button(key="settings_undo").click().run()
    assert (widget(app, "Prompt").value, widget(app, "Duration").value) == ("Mine", "5")
    assert lab.history.page().total == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (None, "Chat apps, editors and websites remove them"),
        ({"prompt": ""}, "prompt: must not be empty"),
        ({"params": {"duration": "60"}}, "duration"),
        ({"model": "sora-9"}, "cannot be used here"),
    ],
    ids=["stripped", "no prompt", "no such length", "no such model"],
)
def test_a_clip_that_is_of_no_use_is_refused_in_words_and_blocks_nothing(
    lab: Lab, open_app: Open, plain: Path, changes: dict[str, Any] | None, said: str
) -> None:
    """The form stays as it was, and can be sent."""
    app = open_app()
    widget(app, "Prompt").set_value("Mine").run()
    app = give(app, plain.read_bytes() if changes is None else carrying(plain, **changes))
    assert not app.exception
    assert said in texts(app)
    assert "Nothing was loaded from this clip" in "".join(toast.value for toast in app.toast)
    assert widget(app, "Prompt").value == "Mine"
    assert not generate(app).disabled
    app.button(key="clip_refused_close").click().run()
    assert said not in texts(app)


def test_a_clip_that_comes_with_the_very_press_is_not_sent(lab: Lab, open_app: Open, plain: Path) -> None:
    """What nobody has seen in the form costs nothing; the next press sends it."""
    app = open_app()
    widget(app, "Prompt").set_value("Mine").run()
    widget(app, "Reference image").upload("clip.mp4", carrying(plain), "video/mp4")
    app = generate(app).click().run()
    assert lab.history.page().total == 0
    assert widget(app, "Prompt").value == ASKED["prompt"]
    assert "Look at the form first" in "".join(toast.value for toast in app.toast)
    generate(app).click().run()
    assert [row.prompt for row in lab.history.page().rows] == [ASKED["prompt"]]


def test_the_image_of_a_clip_is_taken_where_it_is_kept_and_asked_for_where_it_is_not(
    lab: Lab, open_app: Open, plain: Path
) -> None:
    """A clip tells only the hash of its image."""
    app = open_app()
    widget(app, "Reference image").upload("holiday.jpg", jpeg(), "image/jpeg").run()
    sha256 = (lab.draft() or {})["image"]["prepared"]["sha256"]
    app.button(key="image_remove").click().run()
    app = give(app, carrying(plain, reference_image={"sha256": sha256}))
    assert "holiday.jpg" in texts(app)
    app.button(key="image_remove").click().run()
    app = give(app, carrying(plain, reference_image={"sha256": "0" * 64}))
    assert "It had a reference image that is not here" in texts(app)
    assert (lab.draft() or {})["image"] is None
