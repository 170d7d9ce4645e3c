"""The download of a cassette promises: what was ticked, as the core writes it, and a sentence where there is nothing."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from rivya_core import GenerationRequest, Lab, web


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Our routes with their middleware, without Streamlit."""
    app = Starlette(routes=list(web.routes()), middleware=list(web.middleware()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8501") as found:
        yield found


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_was_ticked_comes_as_a_cassette(
    lab: Lab, client: httpx.AsyncClient, tmp_path: Path, method: str
) -> None:
    """Byte for byte what a script writes; its name says that it is simulated."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="A fox")).id)
    asked = urlencode([("id", row.id), ("id", row.id)])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    if method == "GET":
        answer = await client.get(f"/exports/cassette.zip?{asked}")
    else:
        answer = await client.post("/exports/cassette.zip", content=asked, headers=form)
    assert "SIMULATED" in answer.headers["content-disposition"]
    assert answer.content == lab.cassettes.export([row.id], tmp_path / "a").read_bytes()
    told = json.loads(zipfile.ZipFile(io.BytesIO(answer.content)).read("cassette.json"))
    assert [entry["prompt"] for entry in told["entries"]] == ["A fox"]


async def test_nothing_to_record_is_said(lab: Lab, client: httpx.AsyncClient) -> None:
    """And no choice at all, and one that is too large."""
    lab.pause_queue()
    row = lab.submit(GenerationRequest(prompt="A fox"))
    answer = await client.get(f"/exports/cassette.zip?id={row.id}")
    assert (answer.status_code, "nothing to record" in answer.json()["error"]) == (409, True)
    assert (await client.get("/exports/cassette.zip")).status_code == 400
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    large = await client.post("/exports/cassette.zip", content="x" * 200_000, headers=form)
    assert large.status_code == 413


async def test_what_a_filter_finds_comes_as_a_cassette(lab: Lab, client: httpx.AsyncClient) -> None:
    """The filter is the one of History; without any it is everything; one that is not usable is refused in words."""
    for text in ("A fox", "A kite"):
        lab.wait(lab.submit(GenerationRequest(prompt=text)).id)
    for asked, prompts in (("", ["A fox", "A kite"]), ("&q=kite", ["A kite"])):
        answer = await client.get(f"/exports/cassette.zip?matching=1{asked}")
        told = json.loads(zipfile.ZipFile(io.BytesIO(answer.content)).read("cassette.json"))
        assert [entry["prompt"] for entry in told["entries"]] == prompts
    nothing = await client.get("/exports/cassette.zip?matching=1&q=wolf")
    assert (nothing.status_code, "nothing to record" in nothing.json()["error"]) == (409, True)
    assert (await client.get("/exports/cassette.zip?matching=1&state=x")).status_code == 400
