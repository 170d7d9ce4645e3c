"""What ``rivya_core/lab/shows/pictures/recipe.py`` promises: the same pictures with their settings, and a stranger's text held at arm's length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given, strategies as st

from rivya_core.api.errors import LabError
from rivya_core.api.images import check_image
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.shows.pictures.recipe import COMMENT_MAX_BYTES, FORMAT, read_recipe, recipe_text, write_recipe
from rivya_core.version import VERSION
from tests.api.images import png
from tests.lab.given import added
from tests.lab.video_files import make_clip

ASKED: dict[str, Any] = {
    "model": "kling-v2-1-master",
    "prompt": "A red fox, \u72d0, \u09b6\u09bf\u09af\u09bc\u09be\u09b2",
    "params": {"duration": "10", "aspect_ratio": "9:16", "cfg_scale": 0.7},
    "reference_image": None,
}
TOLD: dict[str, Any] = {"format": FORMAT, "made_by": "Rivya Lab 0.1.0", "mode": "simulated", "request": ASKED}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small real clip, with pictures out of their order and something of its service in it."""
    return make_clip(tmp_path_factory.mktemp("recipe") / "clip.mp4", options={"bf": "3"})


def with_comment(clip: Path, comment: str, **other: str) -> bytes:
    """A copy of a clip with whatever is in its comment."""
    target = clip.with_name("foreign.mp4")
    with av.open(str(clip)) as whole, av.open(str(target), "w", options={"movflags": "faststart"}) as copy:
        stream = copy.add_stream_from_template(whole.streams.video[0])
        copy.metadata.update({"comment": comment, **other} if comment else other)
        for packet in whole.demux(whole.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
    return target.read_bytes()


def packets(clip: Path) -> list[tuple[Any, ...]]:
    """All coded pictures with their times."""
    with av.open(str(clip)) as file:
        return [
            (one.pts, one.dts, one.duration, one.is_keyframe, bytes(one)) for one in file.demux(video=0) if one.size
        ]


def test_a_clip_with_its_settings_has_the_same_pictures_and_the_same_bytes_each_time(
    clip: Path, tmp_path: Path
) -> None:
    """Nothing is coded anew, what plays at once goes on to, and the file that it came from is as it was."""
    before, text = clip.read_bytes(), json.dumps(TOLD)
    first, second = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write_recipe(clip, first, text)
    write_recipe(clip, second, text)
    assert first.read_bytes() == second.read_bytes()
    assert packets(first) == packets(clip)
    assert clip.read_bytes() == before
    data = first.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(first)) as file:
        assert file.metadata["comment"] == text  # where every player shows it
        assert sum(1 for _ in file.decode(video=0)) == 48


def test_what_was_asked_for_is_read_back_exactly(clip: Path, tmp_path: Path, ledger: Ledger, archive: Archive) -> None:
    """The longest prompts in wide characters included; of the image only the hash, and nothing else of the row."""
    image = check_image(png(320, 320), "private holiday.png")
    ledger.assets.store(image, archive)
    row = added(ledger, "\U0001f98a" * 2500, params={"duration": "10", "cfg_scale": 0.7}, reference_image=image)
    text = recipe_text(row)
    for secret in ("private", row.id, row.idempotency_key, row.connection, "160", str(tmp_path)):
        assert secret not in text
    write_recipe(clip, tmp_path / "a.mp4", text)
    for source in (tmp_path / "a.mp4", (tmp_path / "a.mp4").read_bytes()):
        found = read_recipe(source)
        assert (found.request.prompt, found.request.wire_params()) == (row.prompt, dict(row.params))
        assert (found.image_sha256, found.mode, found.version) == (image.sha256, "simulated", VERSION)


def test_a_live_clip_tells_nothing_of_its_account(clip: Path, tmp_path: Path, ledger: Ledger) -> None:
    """No host, id, price, file name or path is in its text, and none in its file."""
    row = added(ledger, mode="live", connection="https://rivya.example:8443")
    write_recipe(clip, tmp_path / "a.mp4", recipe_text(row))
    data = (tmp_path / "a.mp4").read_bytes()
    assert read_recipe(data).mode == "live"
    assert "160" not in recipe_text(row)
    for secret in ("rivya.example", "8443", row.id, row.intent_id, row.idempotency_key, str(tmp_path), "rvya_sk"):
        assert secret not in recipe_text(row)
        assert secret.encode() not in data


def test_the_longest_request_fits(ledger: Ledger, clip: Path, tmp_path: Path) -> None:
    """Five thousand emoji and the longest negative prompt: what can be sent can be carried."""
    row = added(ledger, "\U0001f98a" * 5000, params={"negative_prompt": "\U0001f98a" * 2500})
    assert len(recipe_text(row).encode()) < COMMENT_MAX_BYTES
    write_recipe(clip, tmp_path / "a.mp4", recipe_text(row))
    assert read_recipe(tmp_path / "a.mp4").request.prompt == row.prompt


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("", "Chat apps, editors and websites remove them"),
        ("Made with Another Editor", "another tool"),
        ('{"prompt": {"3": {"class_type": "KSampler"}}}', "another tool"),
        ("[" * 50_000, "another tool"),
        (FORMAT + '{"a":' * 9_000, "damaged"),
        ("x" * 10_000_000, "far longer"),
        (json.dumps(TOLD)[:-5], "damaged"),
        (json.dumps({**TOLD, "format": "rivya-recipe/2"}), "another version"),
        (json.dumps({**TOLD, "mode": "real"}), "damaged"),
        (json.dumps({**TOLD, "request": []}), "damaged"),
        (json.dumps({**TOLD, "request": {**ASKED, "model": ["x"]}}), "damaged"),
        (json.dumps({**TOLD, "request": {**ASKED, "reference_image": {"sha256": "../../etc"}}}), "damaged"),
        (json.dumps({**TOLD, "request": {**ASKED, "prompt": " "}}), "prompt: must not be empty"),
        (json.dumps({**TOLD, "request": {**ASKED, "model": "sora-9"}}), "cannot be used here"),
        (json.dumps({**TOLD, "request": {**ASKED, "params": {"cfg_scale": 1e999}}}), "cannot be used here"),
        (json.dumps({**TOLD, "request": {**ASKED, "params": {"duration": "60"}}}), "cannot be used here"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_refused_in_a_sentence(clip: Path, comment: str, said: str) -> None:
    """Foreign, stripped, nested, cut, too long, or of another model: each says which it is."""
    with pytest.raises(LabError, match="settings of this clip") as caught:
        read_recipe(with_comment(clip, comment))
    assert said in caught.value.detail
    assert caught.value.hint
    assert len(caught.value.detail) < 300


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not an MP4"),
        (png(), "not an MP4"),
        (b"\0\0\0\x14ftypisom\0\0\0\0isom" + b"\0\0\0\x09free!" * 5_000, "too many parts"),
        (b"\0\0\0\x14ftypisom\0\0\0\0isom" + b"\0\0\xff\xffmoov", "cut off or damaged"),
        (b"\0\0\0\x14ftypisom\0\0\0\0isom" + b"\0\0\0\x04moov", "cut off or damaged"),
        (b"\0\0\0\x14ftypisom\0\0\0\0isom" + b"\0\0\0\x01moov" + b"\xff" * 8, "cut off or damaged"),
    ],
    ids=["empty", "picture", "parts", "cut", "no length", "endless"],
)
def test_what_is_no_whole_mp4_is_refused_in_a_sentence(data: bytes, said: str) -> None:
    """Without a demuxer ever opening it."""
    with pytest.raises(LabError) as caught:
        read_recipe(data)
    assert said in caught.value.detail


def test_a_clip_of_another_kind_is_not_given_a_recipe(tmp_path: Path) -> None:
    """It says so, and leaves the download as delivered."""
    webm = make_clip(tmp_path / "a.webm", "libvpx")
    with pytest.raises(LabError, match="no MP4"):
        write_recipe(webm, tmp_path / "b.mp4", "{}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
CHANGED = st.sampled_from(["format", "mode", "made_by", "request"])
ASKED_OF = st.sampled_from(["model", "prompt", "params", "reference_image"])


@given(st.tuples(CHANGED, JSON) | st.tuples(ASKED_OF, JSON), st.binary(max_size=40))
def test_whatever_stands_in_a_comment_is_a_recipe_or_a_refusal(changed: tuple[str, Any], tail: bytes) -> None:
    """No other error leaves the reader."""
    key, value = changed
    told = {**TOLD, key: value} if key in TOLD else {**TOLD, "request": {**ASKED, key: value}}
    for text in (json.dumps(told).encode(), json.dumps(told).encode() + tail):
        body = text
        for kind in (b"data", b"\xa9cmt", b"ilst", b"meta", b"udta", b"moov"):
            head = {b"data": bytes(8), b"meta": bytes(4)}.get(kind, b"")
            body = (8 + len(head) + len(body)).to_bytes(4, "big") + kind + head + body
        try:
            found = read_recipe(b"\0\0\0\x14ftypisom\0\0\0\0isom" + body)
        except LabError:
            continue
        assert found.request.prompt.strip()
