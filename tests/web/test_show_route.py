"""What the address of a show promises: its page, its clips with ranges, its posters, and nothing else of the lab."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from starlette.applications import Starlette

from rivya_core import Lab, web
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import shows
from rivya_core.lab.shows.page import page
from tests.lab.evaluation.study import make_study
from tests.lab.shows.given import decided
from tests.lab.shows.test_ballot import line

NOBODY = "0" * 64


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Our routes with their middleware, without Streamlit."""
    app = Starlette(routes=list(web.routes()), middleware=list(web.middleware()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8501") as found:
        yield found


@pytest.fixture
def clip_ids(lab: Lab) -> list[str]:
    """Two generations with clips."""
    study = make_study(lab, clips=1)
    return [take.generation_id for cell in lab.sweeps.status(study).cells for take in cell.takes if take.generation_id]


@pytest.fixture
def show_id(lab: Lab, clip_ids: list[str]) -> str:
    """A show of the first one."""
    return lab.shows.create("Calm <b>sea</b>", [clip_ids[0]]).id


async def test_the_page_comes_under_its_own_policy(lab: Lab, show_id: str, client: httpx.AsyncClient) -> None:
    """Not the dashboard's: nothing is allowed by a word, and nobody may frame it."""
    answer = await client.get(f"/show/{show_id}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == page.headers()["Content-Security-Policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text == lab.shows.page(show_id)
    assert "Calm &lt;b&gt;sea&lt;/b&gt;" in answer.text


async def test_why_a_show_cannot_be_shown_is_said(lab: Lab, show_id: str, client: httpx.AsyncClient) -> None:
    """A damaged one was not deleted."""
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.update(shows).where(shows.c.id == show_id).values(facts={"made_at": "<never>"}))
    answer = await client.get(f"/show/{show_id}")
    assert answer.status_code == 409
    assert "A show cannot be read" in answer.text
    assert "deleted" not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("wanted", "status", "length"),
    [(None, 200, None), ("bytes=0-99", 206, 100), ("bytes=-50", 206, 50), ("bytes=999999999-", 416, None)],
    ids=["whole", "start", "end", "beyond"],
)
async def test_a_clip_is_streamed_with_ranges(
    lab: Lab, show_id: str, client: httpx.AsyncClient, wanted: str | None, status: int, length: int | None
) -> None:
    """Seeking works as it does for any clip."""
    (key,) = lab.shows.data(show_id)["clips"]
    answer = await client.get(f"/show/{show_id}/clips/{key}.mp4", headers={"range": wanted} if wanted else {})
    assert answer.status_code == status
    assert length is None or len(answer.content) == length
    if status == 200:
        assert answer.headers["content-type"] == "video/mp4"
        assert answer.content == lab.shows.clip(show_id, key).read_bytes()


async def test_a_clip_stays_when_its_generation_is_deleted(
    lab: Lab, show_id: str, clip_ids: list[str], client: httpx.AsyncClient
) -> None:
    """The show holds it."""
    (key,) = lab.shows.data(show_id)["clips"]
    lab.delete(clip_ids[:1])
    assert (await client.get(f"/show/{show_id}/clips/{key}.mp4")).status_code == 200
    assert (await client.get(f"/show/{show_id}/posters/{key}.jpg")).headers["content-type"] == "image/jpeg"


async def test_only_the_hashes_that_the_show_holds_are_served(
    lab: Lab, show_id: str, clip_ids: list[str], client: httpx.AsyncClient
) -> None:
    """Not those of another show, not ids, not paths."""
    other = lab.shows.create("Rough sea", [clip_ids[1]])
    (mine,), (foreign,) = lab.shows.data(show_id)["clips"], other.clips
    if foreign == mine:
        pytest.fail("the two clips must differ")
    for name in (foreign, NOBODY, clip_ids[0], mine.upper(), mine[:-1]):
        for kind, suffix in (("clips", "mp4"), ("posters", "jpg")):
            answer = await client.get(f"/show/{show_id}/{kind}/{name}.{suffix}")
            assert (answer.status_code, answer.json()) == (404, {"error": "Not found."})


@pytest.mark.parametrize("id_", ["snever", "%3Cscript%3E", "s" * 300])
async def test_where_no_show_is_a_plain_page_says_so(lab: Lab, client: httpx.AsyncClient, id_: str) -> None:
    """In words, under the same policy, and without what was asked for."""
    answer = await client.get(f"/show/{id_}")
    assert answer.status_code == 404
    assert "No such show" in answer.text
    assert "<script" not in answer.text
    assert answer.headers["content-security-policy"] == page.headers()["Content-Security-Policy"]


async def test_a_deleted_show_is_gone_with_its_files(lab: Lab, show_id: str, client: httpx.AsyncClient) -> None:
    """Page, clip and poster."""
    (key,) = lab.shows.data(show_id)["clips"]
    lab.shows.delete(show_id)
    for path in ("", f"/clips/{key}.mp4", f"/posters/{key}.jpg"):
        assert (await client.get(f"/show/{show_id}{path}")).status_code == 404


async def test_the_page_holds_nothing_of_the_lab(lab: Lab, show_id: str, client: httpx.AsyncClient) -> None:
    """No folder, address, balance, key, or id of a generation."""
    html = (await client.get(f"/show/{show_id}")).text
    row = lab.history.page().rows[0]
    told = [str(lab.archive.root), lab.connection, "127.0.0.1", "rv_", row.id, str(row.task_id)]
    assert not [words for words in told if words and words in html]


async def test_a_show_is_downloaded_as_a_script_writes_it(
    lab: Lab, show_id: str, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """Byte for byte, with a name that says simulated; one file comes once its small copies are made."""
    early = await client.get(f"/show/{show_id}/one-file.html")
    assert (early.status_code, "not ready" in early.json()["error"]) == (409, True)
    wanted = {
        "one-file.html": lab.shows.export(show_id, tmp_path / "small"),
        "one-file.html?originals=1": lab.shows.export(show_id, tmp_path / "originals", originals=True),
        "show.zip": lab.shows.export(show_id, tmp_path / "zip", "zip"),
    }
    for address, written in wanted.items():
        answer = await client.get(f"/show/{show_id}/{address}")
        assert answer.status_code == 200
        assert answer.content == written.read_bytes()
        assert re.search(
            r'attachment; filename="rivya-show-[a-z0-9-]+-SIMULATED-.*\.(html|zip)"',
            answer.headers["content-disposition"],
        )
    for address in wanted:
        assert (await client.get(f"/show/snever/{address}")).status_code == 404


async def test_the_page_leads_to_the_ballot_once_there_is_one(lab: Lab, client: httpx.AsyncClient) -> None:
    """Under a policy of its own, and its line counts once, as in the room; before, there is no such address."""
    show = lab.shows.of_sweep(decided(lab)).id
    link = f'href="/show/{show}/ballot"'
    assert link not in (await client.get(f"/show/{show}")).text
    assert (await client.get(f"/show/{show}/ballot")).status_code == 404
    assert (await client.post(f"/show/{show}/vote", content="x")).status_code == 422
    made = lab.shows.ballot(show)
    assert link in (await client.get(f"/show/{show}")).text
    page_of_ballot = await client.get(f"/show/{show}/ballot")
    assert page_of_ballot.content == made.path.read_bytes()
    assert "unsafe-inline" not in page_of_ballot.headers["content-security-policy"]
    vote = line(lab, made)
    counted = await client.post(f"/show/{show}/vote", content=vote)
    assert counted.status_code == 200
    again = await client.post(f"/show/{show}/vote", content=vote)
    assert (again.status_code, "already" in again.text) == (422, True)
    foreign = await client.post(f"/show/{show}/vote", content=vote, headers={"origin": "https://elsewhere.example"})
    assert foreign.status_code == 403


@pytest.mark.parametrize(("body", "status"), [(b"\xff", 422), (b"x" * 5000, 413)], ids=["no text", "too long"])
async def test_what_is_no_vote_is_refused_in_words(
    show_id: str, client: httpx.AsyncClient, body: bytes, status: int
) -> None:
    """Whatever is sent."""
    answer = await client.post(f"/show/{show_id}/vote", content=body)
    assert answer.status_code == status
    assert answer.text.endswith(".")
