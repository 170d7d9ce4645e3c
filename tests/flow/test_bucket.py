"""Generations whose clips go into a bucket: from the press to the answer with Range, through faults of the store and a kill."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from rivya_core import GenerationRequest, Lab, web
from rivya_core.api.images import check_image
from rivya_core.lab.ledger.states import State
from tests.api.images import png
from tests.conftest import FAST
from tests.flow.conftest import Child, heard
from tests.flow.outside import Outside
from tests.flow.test_kill import assert_each_paid_once_and_kept
from tests.lab.evaluation.study import make_study
from tests.object_store import KEY_ID, SECRET, Bucket
from tests.pace import quicken
from tests.until import HANGS_S, until


@pytest.fixture
def lab(make_lab: Callable[..., Lab], bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab with its archive in a bucket, as the routes open it too."""
    monkeypatch.setenv("RIVYA_ARCHIVE_URL", bucket.url)
    return make_lab(archive_url=bucket.url)


@pytest_asyncio.fixture
async def client(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Our routes with that lab."""
    monkeypatch.setattr("rivya_core.services.shared_lab", lambda: lab)
    app = Starlette(routes=list(web.routes()), middleware=list(web.middleware()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8501") as found:
        yield found


async def test_a_clip_is_kept_in_the_bucket_and_streamed_from_it(
    lab: Lab, bucket: Bucket, client: httpx.AsyncClient
) -> None:
    """Clip, poster and image go there and come from there: whole, by range, by several ranges, with If-Range and ETag."""
    image = check_image(png(640, 360), "fox.png")
    row = lab.wait(lab.submit(GenerationRequest(prompt="A red fox", reference_image=image)).id)
    assert row.state is State.SUCCEEDED
    folders = {key.split("/")[0] for key in bucket.objects()}
    assert folders == {"clips", "posters", "images"}
    assert not list((lab.archive.root).glob("clips/**/*"))
    for copy in (lab.archive.root / "cache").iterdir():
        copy.unlink()
    address = f"/clips/{row.id}.mp4"
    whole = await client.get(address)
    assert (whole.status_code, len(whole.content)) == (200, row.clip_bytes)
    assert whole.headers["content-type"] == "video/mp4"
    etag, data = whole.headers["etag"], whole.content
    for wanted, more, status, content in [
        ("bytes=5-99", {}, 206, data[5:100]),
        ("bytes=100-", {"if-range": etag}, 206, data[100:]),
        ("bytes=-50", {"if-range": whole.headers["last-modified"]}, 206, data[-50:]),
        ("bytes=5-99", {"if-range": '"another"'}, 200, data),
        ("bytes=999999999-", {}, 416, None),
    ]:
        answer = await client.get(address, headers={"range": wanted, **more})
        assert (answer.status_code, answer.content if content else None) == (status, content), wanted
    several = await client.get(address, headers={"range": "bytes=0-3,10-13"})
    assert (several.status_code, several.headers["content-type"].split(";")[0]) == (206, "multipart/byteranges")
    assert data[10:14] in several.content
    head = await client.head(address)
    assert (head.headers["content-length"], head.content) == (str(len(data)), b"")
    assert (await client.get(f"/posters/{row.id}.jpg")).content.startswith(b"\xff\xd8\xff")
    assert (await client.get(f"/images/{image.sha256}")).content == image.data
    assert lab.clip(row.id).read_bytes() == data


async def test_votes_shows_and_files_come_from_the_bucket(lab: Lab, bucket: Bucket, client: httpx.AsyncClient) -> None:
    """A blind pair, a show with its ballot, a ZIP, a contact sheet and a cassette, though no file is on this disk."""
    sweep = make_study(lab)
    show = lab.shows.of_sweep(sweep)
    for copy in (lab.archive.root / "cache").iterdir():
        copy.unlink()
    sha256 = next(iter(lab.shows.get(show.id).clips))
    part = await client.get(f"/show/{show.id}/clips/{sha256}.mp4", headers={"range": "bytes=0-9"})
    assert (part.status_code, len(part.content)) == (206, 10)
    assert (await client.get(f"/show/{show.id}/posters/{sha256}.jpg")).status_code == 200
    ids = [row.id for row in lab.history.some([clip.generation_id for clip in lab.shows.held(show.id)])]
    for address in (f"/exports/clips.zip?id={ids[0]}&id={ids[1]}", f"/show/{show.id}/show.zip"):
        assert (await client.get(address)).content.startswith(b"PK"), address
    sheet = await client.get(f"/exports/contact-sheet.png?show={show.id}")
    assert sheet.content.startswith(b"\x89PNG")
    made = lab.shows.ballot(show.id)
    assert made.path.stat().st_size == made.size_bytes
    assert (await client.get(f"/ballots/{made.id}.html")).status_code == 200
    pair = lab.ballots.ballot(lab.ballots.start(sweep, "Ana"))
    assert pair is not None
    side = await client.get(f"/ballots/{pair.left_token}.mp4", headers={"range": "bytes=0-9", "if-range": '"a tag"'})
    assert (side.status_code, {"etag", "last-modified"} & side.headers.keys()) == (200, set())
    assert side.content == lab.ballots.file(pair.left_token).read_bytes()


@pytest.mark.parametrize("fault", ["503", "403"])
async def test_a_fault_of_the_store_waits_with_a_card_and_heals(
    lab: Lab, bucket: Bucket, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The clip is paid for: its row is unsaved, says which store fails, and is saved by itself once that answers again."""
    quicken(monkeypatch, later_s=(0.05,))
    bucket.front.fault = fault  # type: ignore[assignment]  # one of them
    id_ = lab.submit(GenerationRequest(prompt="A red fox")).id
    until(lambda: lab.get(id_).state is State.UNSAVED, what="unsaved")
    row = lab.get(id_)
    assert row.error is not None
    assert "object store" in row.error.title
    assert row.error.charged == "yes"
    said = f"{row.error.title} {row.error.detail} {row.error.hint}"
    assert not any(secret in said for secret in (SECRET, KEY_ID))
    health = await client.get("/healthz")
    assert (health.status_code, "object store" in health.json()["archive"]) == (503, True)
    assert any("object store" in trouble for trouble in lab.troubles())
    bucket.front.heal()
    row = lab.wait(id_)
    assert (row.state, row.error) == (State.SUCCEEDED, None)
    until(lambda: lab.troubles() == [], what="nothing wrong any more")
    assert (await client.get("/healthz")).json()["archive"] == "ok"


def test_a_row_whose_image_cannot_be_read_waits_for_the_store(lab: Lab, bucket: Bucket) -> None:
    """It is not failed: nothing about it is wrong. Its card names the store, and it is sent once that answers again."""
    lab.pause_queue()
    row = lab.submit(GenerationRequest(prompt="A red fox", reference_image=png(640, 360)))
    for copy in (lab.archive.root / "cache").iterdir():  # as on another machine, where the job may run
        copy.unlink()
    bucket.front.fault = "503"
    lab.resume()
    until(lambda: lab.get(row.id).error is not None, what="told on the row")
    card = lab.get(row.id).error
    assert card is not None
    assert ("object store" in card.title, card.charged) == (True, "no")
    bucket.front.heal()
    row = lab.wait(row.id)
    assert (row.state, row.attempts, row.error) == (State.SUCCEEDED, 1, None)


def test_a_kill_between_put_and_commit_loses_nothing(
    data_dir: Path,
    bucket: Bucket,
    outside: Outside,
    start_child: Callable[..., Child],
    make_lab: Callable[..., Lab],
) -> None:
    """The store has the clip and the ledger does not know: the next process stores it again under the same key."""
    settings: dict[str, Any] = {**FAST, **outside.live, "data_dir": data_dir, "archive_url": bucket.url}
    outside.configure(settle_delay_s=0.0)
    bucket.front.fault = "swallow"
    child = start_child(settings, intents=["put000001"])
    [id_] = heard(child)
    until(bucket.front.swallowed.is_set, what="the clip is in the bucket")
    child.send_signal(signal.SIGKILL)
    child.wait(HANGS_S)
    assert [key for key in bucket.objects() if key.endswith(".mp4")]
    bucket.front.heal()
    assert_each_paid_once_and_kept(make_lab(**settings), [id_], outside, 1)
    assert [key.split("/")[0] for key in bucket.objects()] == ["clips", "posters"]
