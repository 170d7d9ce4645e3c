"""What a ZIP of clips promises: every clip as it is kept, what it was made with, and nothing of the machine it came from."""

from __future__ import annotations

import hashlib
import io
import json
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from rivya_core import GenerationRecord, GenerationRequest, Lab, web
from rivya_core.simulator.video import clips
from rivya_core.web import clip_archive

PROMPT = "=1+1 শিয়াল ../../etc/passwd"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Our routes with their middleware, without Streamlit."""
    app = Starlette(routes=list(web.routes()), middleware=list(web.middleware()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8501") as found:
        yield found


def made(lab: Lab, prompt: str = PROMPT) -> GenerationRecord:
    """A generation with a clip."""
    return lab.wait(lab.submit(GenerationRequest(prompt=prompt)).id)


def opened(content: bytes) -> zipfile.ZipFile:
    """The archive, every byte of it checked."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_chosen_clips_come_as_one_file_with_a_manifest(lab: Lab, client: httpx.AsyncClient, method: str) -> None:
    """In the order of the choice, each once, byte for byte; the manifest tells prompt, parameters and mode of each."""
    first, second = made(lab), made(lab, "A kite")
    lab.labels.add("generation", [second.id], "hero")
    asked = [("id", second.id), ("id", first.id), ("id", second.id), ("id", "gone")]
    if method == "GET":
        answer = await client.get(f"/exports/clips.zip?{urlencode(asked)}")
    else:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await client.post("/exports/clips.zip", content=urlencode(asked), headers=form)
    assert "SIMULATED" in answer.headers["content-disposition"]
    archive = opened(answer.content)
    manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["count"], manifest["missing"]) == (2, 0)
    assert manifest["clips"].startswith("SIMULATED")
    for row, told in zip((second, first), manifest["generations"], strict=True):
        content = archive.read(told["file"])
        assert content == lab.clip(row.id).read_bytes()
        assert told["sha256"] == hashlib.sha256(content).hexdigest() == row.clip_sha256
        assert (told["prompt"], told["mode"], told["params"]["duration"]) == (row.prompt, "simulated", "5")
    assert manifest["generations"][0]["labels"] == ["hero"]
    assert f"'{PROMPT}" in archive.read("clips.csv").decode("utf-8-sig")


def test_nothing_of_this_machine_or_its_server_is_in_it(lab: Lab) -> None:
    """No connection, address, path or key, whatever the rows hold; names hold nothing that a file system takes for more."""
    row = made(lab)
    whole = b"".join(clip_archive.pack(lab, [row]))
    archive = opened(whole)
    texts = "".join(archive.read(name).decode() for name in ("manifest.json", "clips.csv"))
    for secret in (row.connection, row.result_url, str(lab.settings.data_dir), row.clip_key, "://", "Bearer"):
        assert secret
        assert secret not in texts
    assert [name for name in archive.namelist() if "/" in name or ".." in name or not name.isascii()] == []


@pytest.fixture
def _large_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """As large as people get them."""
    monkeypatch.setattr(clips, "LONG_SIDE_PX", 640)


def test_what_is_missing_is_said_and_the_others_come(lab: Lab) -> None:
    """A file that is gone, and a generation that never had one."""
    lost, whole = made(lab), made(lab, "A kite")
    lab.simulator.world.add_fault("task_failed", code="generation_failed", message="No.")
    failed = made(lab, "A crowd")
    lab.clip(lost.id).unlink()
    archive = opened(b"".join(clip_archive.pack(lab, [lost, failed, whole])))
    manifest = json.loads(archive.read("manifest.json"))
    assert (manifest["count"], manifest["missing"]) == (1, 2)
    assert [bool(told["missing"]) for told in manifest["generations"]] == [True, True, False]
    assert [told["file"] for told in manifest["generations"]][:2] == [None, None]


@pytest.mark.usefixtures("_large_clips")
def test_many_large_clips_take_no_more_memory_than_one_block(lab: Lab) -> None:
    """A few blocks of many clips are held at a time."""
    row = made(lab)
    rows = [row] * 150
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in clip_archive.pack(lab, rows))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert row.clip_bytes is not None
    assert size > 150 * row.clip_bytes > 16 * peak


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        pytest.param([], 400, id="none"),
        pytest.param([("id", f"g{number}") for number in range(clip_archive.CLIPS_MAX + 1)], 400, id="too many"),
        pytest.param([("id", "gone")], 404, id="unknown"),
    ],
)
async def test_a_choice_that_is_none_is_refused(
    lab: Lab, client: httpx.AsyncClient, asked: list[tuple[str, str]], status: int
) -> None:
    """With a sentence, not with an empty file."""
    answer = await client.get(f"/exports/clips.zip?{urlencode(asked)}")
    assert answer.status_code == status


async def test_a_form_without_end_is_refused(client: httpx.AsyncClient) -> None:
    """Before it fills the memory."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"id=a&" * 1000

    answer = await client.post("/exports/clips.zip", content=endless())
    assert answer.status_code == 413
