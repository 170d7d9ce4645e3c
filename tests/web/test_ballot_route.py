"""What the neutral addresses of blind votes promise: a clip with ranges, and nothing that names it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from rivya_core import Lab, web
from tests.lab.evaluation.study import WORDS, make_study


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Our routes with their middleware, without Streamlit."""
    app = Starlette(routes=list(web.routes()), middleware=list(web.middleware()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8501") as found:
        yield found


@pytest.fixture
def round_id(lab: Lab) -> str:
    """An open round."""
    return lab.ballots.start(make_study(lab), "Ana")


@pytest.mark.parametrize(
    ("wanted", "status", "length"),
    [(None, 200, None), ("bytes=0-99", 206, 100), ("bytes=-50", 206, 50), ("bytes=999999999-", 416, None)],
    ids=["whole", "start", "end", "beyond"],
)
async def test_a_side_is_streamed_with_ranges(
    lab: Lab, round_id: str, client: httpx.AsyncClient, wanted: str | None, status: int, length: int | None
) -> None:
    """Seeking works as it does for any clip."""
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    answer = await client.get(f"/ballots/{ballot.left_token}.mp4", headers={"range": wanted} if wanted else {})
    assert answer.status_code == status
    assert length is None or len(answer.content) == length
    if status == 200:
        assert answer.content == lab.ballots.file(ballot.left_token).read_bytes()


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-9"}, {"range": "bytes=0-9", "if-range": '"a tag"'}])
async def test_the_headers_tell_length_and_type_only(
    lab: Lab, round_id: str, client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """No name, no time of making, no tag by which the same clip could be known again, no copy in a cache."""
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    answer = await client.get(f"/ballots/{ballot.right_token}.mp4", headers=headers)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["cache-control"] == "no-store"
    assert not {"etag", "last-modified", "content-disposition", "date"} & set(answer.headers)
    told = " ".join([*answer.headers, *answer.headers.values()])
    assert not [word for word in [*WORDS.split(), "xheliotrope", "clips/"] if word in told]


async def test_the_bytes_hold_pictures_only(lab: Lab, round_id: str, client: httpx.AsyncClient) -> None:
    """A title, a time and a comment in the archived file do not reach the voter."""
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    archived = lab.clip(lab.ballots.clip(ballot.left_token))
    assert WORDS.encode() in archived.read_bytes()
    answer = await client.get(f"/ballots/{ballot.left_token}.mp4")
    assert not [word for word in [*WORDS.split(), "1999", "Lavf"] if word.encode() in answer.content]
    header = answer.content.index(b"mvhd")
    assert answer.content[header + 8 : header + 16] == bytes(8)  # created and changed: never


async def test_an_address_is_good_for_its_round_only(lab: Lab, round_id: str, client: httpx.AsyncClient) -> None:
    """404 once the round is over, and for what never was one; a clip's own id is none."""
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    generation_id = lab.ballots.clip(ballot.left_token)
    lab.ballots.end(round_id)
    for token in (ballot.left_token, ballot.right_token, generation_id, "..%2f..%2flab.sqlite3"):
        assert (await client.get(f"/ballots/{token}.mp4")).status_code == 404
