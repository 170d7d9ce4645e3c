"""What ``rivya_core/web/routes.py`` promises: health that can be trusted, clips with Range, marked downloads, streamed exports."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from urllib.parse import quote, urlencode

import httpx
import pytest
import pytest_asyncio
from hypothesis import given, settings, strategies as st
from starlette.applications import Starlette

from rivya_core import GenerationRecord, GenerationRequest, Lab, web
from rivya_core.api import as_json
from rivya_core.lab.drafts import drafts
from rivya_core.lab.media.video_probe import WHOLE
from rivya_core.lab.shows.pictures.recipe import read_recipe
from rivya_core.services import close_all
from tests.api.images import png
from tests.lab.evaluation.study import make_study
from tests.lab.video_files import make_clip
from tests.until import HANGS_S, until


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Our routes with their middleware, without Streamlit."""
    app = Starlette(routes=list(web.routes()), middleware=list(web.middleware()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8501") as found:
        yield found


@pytest.fixture
def finished(lab: Lab) -> GenerationRecord:
    """A generation with its clip."""
    return lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id)


async def test_health_tells_version_mode_database_and_engine(lab: Lab, client: httpx.AsyncClient) -> None:
    """All is well: 200."""
    answer = await client.get("/healthz")
    assert answer.status_code == 200
    assert {"version", "mode", "database", "engine"} <= answer.json().keys()
    assert answer.json()["mode"] == "simulated"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RIVYA_BASE_URL", "https://rivya.example", "RIVYA_API_KEY"),
        ("RIVYA_SETTLE_DELAYS_S", "10,soon", "settle_delays_s"),
        ("RIVYA_ALLOWED_HOSTS", "a*b", "allowed_hosts"),
    ],
    ids=["no key", "list", "hosts"],
)
async def test_health_is_503_when_the_lab_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """And says why: the server starts with any settings."""
    close_all()
    monkeypatch.setenv(name, value)
    app = Starlette(routes=list(web.routes()), middleware=list(web.middleware()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8501") as client:
        answer = await client.get("/healthz")
    assert answer.status_code == 503
    assert said in answer.text


async def test_health_names_the_variable_that_keeps_rivya_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    """A live lab whose proxy cannot be used is not opened, and health tells which variable it is, not what it holds."""
    close_all()
    monkeypatch.setenv("RIVYA_API_KEY", "rvya_sk_0123456789abcdef")
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:s3kr1t@127.0.0.1:1080")
    app = Starlette(routes=list(web.routes()), middleware=list(web.middleware()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8501") as client:
        answer = await client.get("/healthz")
    assert answer.status_code == 503
    assert "HTTPS_PROXY" in answer.text
    assert "s3kr1t" not in answer.text


@pytest.mark.parametrize(
    ("wanted", "status", "length"),
    [(None, 200, None), ("bytes=0-99", 206, 100), ("bytes=100-", 206, None), ("bytes=-50", 206, 50)],
    ids=["whole", "start", "rest", "end"],
)
async def test_a_clip_is_streamed_with_ranges(
    finished: GenerationRecord, client: httpx.AsyncClient, wanted: str | None, status: int, length: int | None
) -> None:
    """Seeking works: exactly the bytes that were asked for."""
    answer = await client.get(f"/clips/{finished.id}.mp4", headers={"range": wanted} if wanted else {})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert length is None or len(answer.content) == length
    if status == 200:
        assert len(answer.content) == finished.clip_bytes


async def test_a_range_beyond_the_end_is_refused(finished: GenerationRecord, client: httpx.AsyncClient) -> None:
    """With the status that players understand."""
    answer = await client.get(f"/clips/{finished.id}.mp4", headers={"range": "bytes=999999999-"})
    assert answer.status_code == 416


async def test_a_downloaded_simulated_clip_says_so_in_its_name(
    finished: GenerationRecord, client: httpx.AsyncClient
) -> None:
    """P8 holds for files that leave the dashboard."""
    answer = await client.get(f"/clips/{finished.id}.mp4?download=1")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "SIMULATED-kling-v2-1-master" in answer.headers["content-disposition"]


async def test_a_clip_is_downloaded_with_its_settings_and_the_archive_stays_as_it_is(
    finished: GenerationRecord, lab: Lab, client: httpx.AsyncClient
) -> None:
    """The same bytes each time, whole or in ranges; its name says so, and nothing is left behind."""
    address = f"/clips/{finished.id}.mp4?download=settings"
    before = sorted(path for path in lab.archive.root.rglob("*") if path.is_file())
    answer = await client.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert "SIMULATED-kling-v2-1-master" in answer.headers["content-disposition"]
    assert "with-settings.mp4" in answer.headers["content-disposition"]
    found = read_recipe(answer.content)
    assert found.request.canonical() == finished.request
    assert found.mode == "simulated"
    for secret in (finished.id, finished.task_id or "", finished.idempotency_key, str(lab.archive.root)):
        assert secret.encode() not in answer.content
    part = await client.get(address, headers={"range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, answer.content[100:300])
    assert (await client.get(f"/clips/{finished.id}.mp4?download=1")).content == lab.clip(finished.id).read_bytes()
    assert sorted(path for path in lab.archive.root.rglob("*") if path.is_file()) == before


async def test_a_clip_that_cannot_carry_its_settings_says_so(
    finished: GenerationRecord, lab: Lab, client: httpx.AsyncClient
) -> None:
    """In words, with the way out, and without a trace."""
    # A clip that was decoded to its end is not looked at again; before that, one that changed would be fetched anew.
    until(lambda: lab.get(finished.id).clip_check == WHOLE, what="the clip was decoded to its end")
    make_clip(lab.clip(finished.id), "libvpx", form="webm")
    answer = await client.get(f"/clips/{finished.id}.mp4?download=settings")
    assert answer.status_code == 409
    assert "Download it as delivered" in answer.json()["error"]
    assert not list((lab.archive.root / "parts").iterdir())


async def test_files_for_chats_are_made_of_chosen_clips_and_of_a_show(
    finished: GenerationRecord, lab: Lab, client: httpx.AsyncClient
) -> None:
    """Their names say simulated, they are what they say, and nothing is left behind."""
    other = lab.wait(lab.submit(GenerationRequest(prompt="A red fox", params={"cfg_scale": 0.9})).id)
    show = lab.shows.create("Two", [[finished.id, other.id]])
    chosen = f"id={finished.id}&id={other.id}"
    for query in (chosen, f"show={show.id}&slide=1"):
        sheet = await client.get(f"/exports/contact-sheet.png?{query}")
        assert (sheet.status_code, sheet.content[:4]) == (200, b"\x89PNG")
        video = await client.get(f"/exports/side-by-side.mp4?{query}")
        assert (video.status_code, video.content[4:8]) == (200, b"ftyp")
        for answer, kind in ((sheet, "image/png"), (video, "video/mp4")):
            assert answer.headers["content-type"] == kind
            assert "SIMULATED" in answer.headers["content-disposition"]
            assert finished.id.encode() not in answer.content
            assert str(lab.archive.root).encode() not in answer.content
    assert not list((lab.archive.root / "parts").iterdir())


@pytest.mark.parametrize("query", ["", "id=unknown", "show=unknown", "id=a&id=b&id=c&id=d&id=e", "show=x&slide=\u0663"])
async def test_files_for_chats_that_cannot_be_made_say_why(lab: Lab, client: httpx.AsyncClient, query: str) -> None:
    """In words, and nothing is left behind."""
    for kind in ("contact-sheet.png", "side-by-side.mp4"):
        answer = await client.get(f"/exports/{kind}?{query}")
        assert answer.status_code == 409
        assert answer.json()["error"]
    assert not list((lab.archive.root / "parts").iterdir())


async def test_a_poster_is_a_picture(finished: GenerationRecord, client: httpx.AsyncClient) -> None:
    """The first frame, for lists and players."""
    answer = await client.get(f"/posters/{finished.id}.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    "path",
    [
        "/clips/unknown.mp4",
        "/posters/unknown.jpg",
        "/images/" + "0" * 64,
        "/images/..%2f..%2flab.sqlite3",
        "/clips/..%2f..%2flab.sqlite3.mp4",
        "/assets/fonts/..%2f..%2fsettings.py",
        "/exports/history.xml",
    ],
)
async def test_what_is_not_there_is_404(lab: Lab, client: httpx.AsyncClient, path: str) -> None:
    """Never the index page with 200, never a file that was not meant."""
    assert (await client.get(path)).status_code == 404


async def test_a_waiting_generation_has_no_clip(lab: Lab, client: httpx.AsyncClient) -> None:
    """404 until the file is archived."""
    lab.pause_queue()
    row = lab.submit(GenerationRequest(prompt="A red fox"))
    assert (await client.get(f"/clips/{row.id}.mp4")).status_code == 404


@pytest.mark.parametrize("becomes", ["gone", "a folder", "a file nobody may read"])
async def test_a_file_that_is_gone_from_the_archive_is_404(
    finished: GenerationRecord, lab: Lab, client: httpx.AsyncClient, becomes: str
) -> None:
    """A clip, a poster, a picture: a row may outlive its file, and no such address ends in an error of the server."""
    image = drafts.attach_image(lab, png(), "a.png").prepared.sha256
    round_id = lab.ballots.start(make_study(lab), "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    poster = lab.poster(finished.id)
    assert poster is not None
    shown = lab.clip(lab.ballots.clip(ballot.left_token))
    for path, file in (
        (f"/clips/{finished.id}.mp4", lab.clip(finished.id)),
        (f"/posters/{finished.id}.jpg", poster),
        (f"/images/{image}", lab.image(image)),
        (f"/ballots/{ballot.left_token}.mp4", shown),
    ):
        file.unlink()
        if becomes == "a folder":
            file.mkdir()
        if becomes == "a file nobody may read":
            file.symlink_to(file)
        assert (await client.get(path)).status_code == 404, path


ZONES = ["", "+23:59", "-23:59", "%2B23:59", "Z"]
TIMES = [
    f"{day}T{time}{zone}"
    for day in ("0001-01-01", "9999-12-31")
    for time in ("00:00:00", "23:59:59.999999")
    for zone in ZONES
]


@pytest.mark.parametrize("name", ["since", "until"])
async def test_a_time_beyond_the_calendar_is_refused_before_anything_is_sent(
    finished: GenerationRecord, client: httpx.AsyncClient, name: str
) -> None:
    """An export is whole, or a sentence: never a beginning."""
    for time in [*TIMES, "0001-01-01", "9999-12-31", "10000-01-01", "2026-11-23T24:00", "2026-02-30"]:
        for path in ("/exports/history.csv", "/exports/history.json", "/exports/spend.csv"):
            answer = await client.get(f"{path}?{name}={time}")
            assert answer.status_code in {200, 400}, (path, time)
            if answer.status_code == 400:
                assert "is not a " in answer.json()["error"]
    refused = await client.get("/exports/history.csv?since=0001-01-01T00:00:00%2B23:59")
    assert refused.status_code == 400
    assert "'0001-01-01T00:00:00+23:59' is not a time" in refused.json()["error"]


PATHS = st.sampled_from(
    [
        "/exports/history.csv",
        "/exports/history.json",
        "/exports/spend.csv",
        "/clips/{}.mp4",
        "/posters/{}.jpg",
        "/images/{}",
        "/ballots/{}.mp4",
        "/exports/history.{}",
        "/healthz",
    ]
)
NAMES = st.sampled_from(["since", "until", "mode", "state", "q", "starred", "download"]) | st.text(max_size=5)
VALUES = st.text(max_size=12) | st.sampled_from([*TIMES, "live", "failed,", "0001-W01-1", "\x00", "NEAR(", '"', "1"])
HEADERS = st.dictionaries(
    st.sampled_from(["range", "if-range", "if-none-match", "if-modified-since", "origin"]),
    st.sampled_from(
        ["bytes=0-", "bytes=-", "bytes=5-1", "bytes=0-1,2-3", "bytes=99999999999999999999-", "x", "", "*", "null"]
    ),
    max_size=2,
)


def test_no_request_makes_the_server_fail(lab: Lab) -> None:
    """Whatever stands in an address or in its headers: an answer, a refusal in words, or nothing there."""
    lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id, timeout_s=HANGS_S)
    app = Starlette(routes=list(web.routes()), middleware=list(web.middleware()))

    @given(PATHS, st.text(min_size=1, max_size=8), st.lists(st.tuples(NAMES, VALUES), max_size=3), HEADERS)
    @settings(max_examples=150, deadline=None)
    def holds(path: str, part: str, query: list[tuple[str, str]], headers: dict[str, str]) -> None:
        address = path.format(quote(part, safe="")) + "?" + urlencode(query)

        async def ask() -> int:
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8501"
            ) as client:
                return (await client.get(address, headers=headers)).status_code

        assert asyncio.run(ask()) in {200, 206, 307, 400, 404, 416}

    holds()


async def test_exports_follow_the_filter_and_name_the_mode(
    finished: GenerationRecord, client: httpx.AsyncClient
) -> None:
    """CSV and JSON of the same rows; a filter that lets nothing through gives an empty export."""
    csv = await client.get("/exports/history.csv?mode=simulated")
    assert csv.headers["content-type"].startswith("text/csv")
    assert "SIMULATED" in csv.headers["content-disposition"]
    assert finished.id in csv.text
    rows = json.loads((await client.get("/exports/history.json?state=succeeded&q=fox")).text)
    assert [row["id"] for row in rows] == [finished.id]
    assert json.loads((await client.get("/exports/history.json?state=failed")).text) == []
    assert (await client.get("/exports/history.json?state=lost")).status_code == 400


async def test_fonts_are_served_by_us(client: httpx.AsyncClient) -> None:
    """No request leaves for a font."""
    answer = await client.get("/assets/fonts/inter-latin-wght-normal.woff2")
    assert answer.status_code == 200
    assert answer.content.startswith(b"wOF2")


async def test_a_copied_request_works_against_this_address(lab: Lab, client: httpx.AsyncClient) -> None:
    """The embedded simulator is mounted at /simulator; its controls are not."""
    assert lab.simulator is not None
    headers = {"authorization": f"Bearer {lab.simulator.api_key}"}
    body = as_json(GenerationRequest(prompt="A red fox").canonical())
    created = await client.post("/simulator/api/v1/generations", headers=headers, json=json.loads(body))
    assert created.is_success, created.text
    assert created.headers["x-rivya-simulator"] == "1"
    assert (await client.get("/simulator/_simulator")).status_code == 404
    refused = await client.post(
        "/simulator/api/v1/generations", headers={**headers, "origin": "https://evil.example"}, json={}
    )
    assert refused.status_code == 403


@pytest.fixture
def keyed(make_lab: Callable[..., Lab]) -> Lab:
    """A lab with a key."""
    return make_lab(api_key="rvya_sk_test", base_url="http://127.0.0.1:9")


async def test_no_simulator_is_mounted_beside_a_key(keyed: Lab, client: httpx.AsyncClient) -> None:
    """With a key the address answers 404."""
    assert (await client.get("/simulator/api/v1/models")).status_code == 404


async def test_movements_are_exported_by_mode_and_days(
    finished: GenerationRecord, client: httpx.AsyncClient, lab: Lab
) -> None:
    """Spend's CSV: every credit movement, one a line; the file's name says that they are simulated."""
    answer = await client.get("/exports/spend.csv?mode=simulated")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "rivya-spend-SIMULATED-" in answer.headers["content-disposition"]
    lines = answer.text.removeprefix("\ufeff").splitlines()
    assert lines[0].startswith("generation_id,day,time,kind,credits,provisional,mode,")
    assert len(lines) == 1 + len(lab.movements(finished.id))
    assert all(line.startswith(f"{finished.id},{finished.cap_day},") for line in lines[1:])
    assert len((await client.get("/exports/spend.csv?mode=live")).text.splitlines()) == 1
    assert len((await client.get(f"/exports/spend.csv?until={finished.cap_day}")).text.splitlines()) == len(lines)
    assert len((await client.get("/exports/spend.csv?until=2020-01-01")).text.splitlines()) == 1
    assert (await client.get("/exports/spend.csv?since=yesterday")).status_code == 400
    assert (await client.get("/exports/spend.csv?mode=both")).status_code == 400


@pytest.mark.parametrize(
    ("suffix", "media_type"), [(".mp4", "video/mp4"), (".mov", "video/quicktime"), (".webm", "video/webm")]
)
async def test_a_clip_is_called_what_it_is(lab: Lab, client: httpx.AsyncClient, suffix: str, media_type: str) -> None:
    """The type and the name for saving follow the container; a browser asks again until the clip is known to be whole."""
    row = lab.wait(lab.submit(GenerationRequest(prompt="a kite")).id)
    until(lambda: lab.get(row.id).clip_check == "whole")
    assert (await client.get(f"/clips/{row.id}.mp4")).headers["cache-control"] == "private, max-age=86400"
    key = (row.clip_key or "").removesuffix(".mp4") + suffix
    lab.archive.put_bytes(key, lab.clip(row.id).read_bytes())
    lab.ledger.rows.update(row.id, clip_key=key, clip_check="damaged")
    answer = await client.get(f"/clips/{row.id}.mp4?download=1")
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"].rstrip('"').endswith(suffix)
    assert answer.headers["cache-control"] == "private, no-cache"


async def test_what_is_known_and_the_bundle_are_served(finished: GenerationRecord, client: httpx.AsyncClient) -> None:
    """Named as simulated, prompts only when they were ticked; what is no choice is a sentence."""
    known = await client.get("/exports/server.csv")
    assert "SIMULATED" in known.headers["content-disposition"]
    assert "create_status" in known.text
    for ticked in (False, True):
        answer = await client.get(f"/exports/support.zip?generation={finished.id}&prompts={int(ticked)}")
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as held:
            told = held.read("generations/001.json").decode()
        assert (json.dumps(finished.prompt)[1:-1] in told) == ticked
    assert (await client.get("/exports/support.zip?generation=nobody")).status_code == 404
    assert (await client.get("/exports/support.zip?hours=soon")).status_code == 400
