"""A clip that is broken on its way is fetched until it is whole; one that is broken at Rivya is kept, and said to be so."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import av
import pytest
import sqlalchemy as sa

from rivya_core.api.errors import DownloadError
from rivya_core.lab.evaluation import observations
from rivya_core.lab.jobs import create, save, settle, wait
from rivya_core.lab.ledger.broken_clips import SAME_BYTES, WholeChecks
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.schema import features
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.video_probe import decode_fault, inspect
from tests.lab.jobs.test_jobs import KEY, Bench
from tests.lab.media.test_video_limits import many_samples
from tests.lab.scripted import Reply, Scripted
from tests.lab.video_files import make_clip, zeroed
from tests.pace import quicken

LATER_S = 0.05


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch, later_s=(LATER_S,))


@pytest.fixture
def server() -> Iterator[Scripted]:
    """A server that has one task, and gives what a test lays out as its clip."""
    with Scripted() as made:
        done = {"id": "task_1", "status": "succeeded", "reserved_credits": 160, "final_credits": 160}
        task = {**done, "result": {"primary_url": "/a.mp4"}}
        made.tell([], create=Reply(200, task), retrieve=Reply(200, task))
        yield made


@pytest.fixture
def bench(tmp_path: Path, server: Scripted) -> Iterator[Bench]:
    """The steps of a row on that server."""
    made = Bench(tmp_path / "data", server.base_url, KEY)
    yield made
    made.close()


def gives(server: Scripted, data: bytes) -> None:
    """Let the clip's address deliver these bytes, called nothing in particular."""
    server.good["media"] = Reply(200, data, (("Content-Type", "application/octet-stream"),))


def fetched(server: Scripted) -> int:
    """How often the clip was asked for."""
    return sum(seen.path.endswith(".mp4") for seen in server.seen)


def posts(server: Scripted) -> int:
    """How often a generation was bought."""
    return sum(seen.method == "POST" for seen in server.seen)


def made(bench: Bench) -> GenerationRecord:
    """Run a new row to its end."""
    row = bench.add()
    bench.run(row.id, create, wait, save, settle)
    return bench.ledger.get(row.id)


def spoilt(path: Path) -> bytes:
    """A clip one of whose pictures is noise: every length fits, and only decoding it tells."""
    data = make_clip(path, gop=250, frames=96).read_bytes()
    with av.open(str(path)) as container:
        places = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    at, size = max(places[20:40], key=lambda place: place[1])
    tried = path.with_name("tried.mp4")
    for seed in range(100):
        tried.write_bytes(data[: at + 20] + random.Random(seed).randbytes(size - 20) + data[at + size :])
        if decode_fault(tried) and is_archived(tried):
            return tried.read_bytes()
    raise AssertionError("a decoder takes all of them")


def is_archived(path: Path) -> bool:
    """Tell whether the check before archiving finds nothing."""
    try:
        return inspect(path).check is None
    except DownloadError:
        return False


class NextTryError(Exception):
    """The step would wait now before it tries again."""


def try_once(bench: Bench, row: GenerationRecord) -> None:
    """Run the step up to the pause after its first try, as a process that ends there would."""

    def stop(*_: object) -> float:
        raise NextTryError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("rivya_core.lab.jobs.save"), "delay_s", stop)
        with pytest.raises(NextTryError):
            bench.run(row.id, save)


def checked(bench: Bench) -> None:
    """Decode what nobody has decoded yet, as the measuring does."""
    checks = WholeChecks(bench.ledger, bench.archive, bench.settings.connection)
    while (clip := checks.next()) is not None:
        fault = checks.fault(clip, lambda: True)
        assert fault is not None
        checks.conclude(clip, fault)


def test_broken_bytes_are_fetched_again_and_never_kept(bench: Bench, server: Scripted, tmp_path: Path) -> None:
    """Broken in other ways each time, then whole: one purchase, one clip, nothing left of the others."""
    whole = make_clip(tmp_path / "a.mp4").read_bytes()
    row = bench.add()
    bench.run(row.id, create, wait)
    for start in (0.1, 0.2, 0.3, 0.4, 0.5):
        gives(server, zeroed(whole, start, 0.9))
        try_once(bench, row)
        assert bench.ledger.get(row.id).clip_key is None
        assert not [*(bench.archive.root / "parts").iterdir()]
    gives(server, whole)
    bench.run(row.id, save, settle)
    row = bench.ledger.get(row.id)
    assert (row.state, row.clip_check, posts(server), row.held_credits) == (State.SUCCEEDED, None, 1, 160)
    assert bench.archive.get_bytes(row.clip_key or "") == whole


def test_the_same_broken_bytes_three_times_are_kept_and_said_to_be_damaged(
    bench: Bench, server: Scripted, tmp_path: Path
) -> None:
    """The row succeeds, its file is what came, and a sentence says what is wrong."""
    broken = zeroed(make_clip(tmp_path / "a.mp4").read_bytes(), 0.5, 1.0)
    gives(server, broken)
    row = made(bench)
    assert (row.state, row.clip_check, fetched(server), posts(server)) == (State.SUCCEEDED, "damaged", SAME_BYTES, 1)
    assert "kept as it is" in (row.clip_fault or "")
    assert bench.archive.get_bytes(row.clip_key or "") == broken
    assert row.held_credits == 160


def test_what_arrived_is_remembered_over_a_restart(bench: Bench, server: Scripted, tmp_path: Path) -> None:
    """Each run of the step stands for a new process; the count goes on. A fresh address is asked for at once, once."""
    gives(server, zeroed(make_clip(tmp_path / "a.mp4").read_bytes(), 0.4, 0.9))
    row = bench.add()
    bench.run(row.id, create, wait)
    try_once(bench, row)
    assert fetched(server) == SAME_BYTES - 1
    assert bench.ledger.get(row.id).clip_key is None
    bench.run(row.id, save)
    assert bench.ledger.get(row.id).clip_check == "damaged"
    assert fetched(server) == SAME_BYTES


def test_noise_that_only_decoding_finds_sends_the_clip_back(bench: Bench, server: Scripted, tmp_path: Path) -> None:
    """It was archived; it is fetched again for nothing more, its file stays until then, and the better one is whole."""
    gives(server, spoilt(tmp_path / "a.mp4"))
    row = made(bench)
    assert (row.state, row.clip_check) == (State.SUCCEEDED, None)
    checked(bench)
    back = bench.ledger.get(row.id)
    assert (back.state, back.clip_check, back.clip_key) == (State.UNSAVED, "damaged", row.clip_key)
    assert bench.archive.exists(row.clip_key or "")
    assert (back.held_credits, back.settlement) == (160, "settled")
    whole = (tmp_path / "a.mp4").read_bytes()
    gives(server, whole)
    bench.run(row.id, save, settle)
    checked(bench)
    row = bench.ledger.get(row.id)
    assert (row.state, row.clip_check, row.clip_fault, row.error) == (State.SUCCEEDED, "whole", None, None)
    assert bench.archive.get_bytes(row.clip_key or "") == whole
    assert posts(server) == 1


def measured(bench: Bench, row: GenerationRecord, *, anew: bool = False) -> bool:
    """Tell whether a clip has figures; ``anew``: write some down first."""
    with begin_immediate(bench.ledger.database) as connection:
        if anew:
            observations.keep(connection, row.id, 0.1, bench.ledger.clock(), figures={"motion": 1.0})
        return connection.execute(sa.select(features.c.generation_id)).first() is not None


def test_what_was_measured_of_a_broken_clip_does_not_stay(bench: Bench, server: Scripted, tmp_path: Path) -> None:
    """A verdict would rest on noise for ever: the figures go with the finding, so that the better clip is measured."""
    gives(server, spoilt(tmp_path / "a.mp4"))
    row = made(bench)
    assert measured(bench, row, anew=True)
    checked(bench)
    assert not measured(bench, row)


@pytest.mark.parametrize("same", [True, False])
def test_a_lost_clip_that_comes_back_otherwise_is_measured_anew(
    bench: Bench, server: Scripted, tmp_path: Path, *, same: bool
) -> None:
    """The same bytes keep their figures."""
    first = make_clip(tmp_path / "a.mp4").read_bytes()
    gives(server, first)
    row = made(bench)
    measured(bench, row, anew=True)
    bench.archive.delete(row.clip_key or "")
    bench.ledger.actions.lost_clip(row.id)
    gives(server, first if same else make_clip(tmp_path / "b.mp4", frames=12).read_bytes())
    bench.run(row.id, save, settle)
    assert bench.ledger.get(row.id).has_clip
    assert measured(bench, row) is same


def test_noise_that_comes_each_time_is_kept(bench: Bench, server: Scripted, tmp_path: Path) -> None:
    """Found by decoding once, known by its hash afterwards: three arrivals in all."""
    gives(server, spoilt(tmp_path / "a.mp4"))
    row = made(bench)
    checked(bench)
    bench.run(row.id, save, settle)
    row = bench.ledger.get(row.id)
    assert (row.state, row.clip_check, fetched(server)) == (State.SUCCEEDED, "damaged", SAME_BYTES)
    assert (row.clip_width_px, row.clip_height_px) == (160, 96)
    checked(bench)
    assert bench.ledger.get(row.id).state is State.SUCCEEDED


def test_a_damaged_clip_that_rivya_gives_no_longer_is_kept(bench: Bench, server: Scripted, tmp_path: Path) -> None:
    """The row does not wait for ever for what is gone."""
    gives(server, spoilt(tmp_path / "a.mp4"))
    row = made(bench)
    checked(bench)
    server.good["media"] = Reply(404, {})
    bench.run(row.id, save, settle)
    row = bench.ledger.get(row.id)
    assert (row.state, row.clip_check) == (State.SUCCEEDED, "damaged")
    assert "no longer" in (row.clip_fault or "") or "any more" in (row.clip_fault or "")
    assert bench.archive.exists(row.clip_key or "")


def test_a_clip_of_another_connection_is_marked_where_it_is(bench: Bench, server: Scripted, tmp_path: Path) -> None:
    """Nobody could fetch it again here."""
    gives(server, spoilt(tmp_path / "a.mp4"))
    row = made(bench)
    checks = WholeChecks(bench.ledger, bench.archive, "https://elsewhere.example")
    clip = checks.next()
    assert clip is not None
    checks.conclude(clip, checks.fault(clip, lambda: True) or "")
    row = bench.ledger.get(row.id)
    assert (row.state, row.clip_check) == (State.SUCCEEDED, "damaged")


def test_a_file_that_changed_on_the_disk_is_fetched_again(bench: Bench, server: Scripted, tmp_path: Path) -> None:
    """Also when what is there could be played."""
    gives(server, make_clip(tmp_path / "a.mp4").read_bytes())
    row = made(bench)
    bench.archive.put_bytes(row.clip_key or "", make_clip(tmp_path / "b.mp4", frames=12).read_bytes())
    checked(bench)
    assert bench.ledger.get(row.id).state is State.UNSAVED


def test_a_clip_too_much_to_open_is_kept_at_its_second_arrival(bench: Bench, server: Scripted, tmp_path: Path) -> None:
    """Never opened, no poster, never checked again, never refused for ever."""
    gives(server, many_samples(make_clip(tmp_path / "a.mp4").read_bytes()))
    row = made(bench)
    assert (row.state, row.clip_check, row.poster_key, row.clip_width_px) == (State.SUCCEEDED, "unopened", None, None)
    assert fetched(server) == 2
    checked(bench)
    assert bench.ledger.get(row.id).clip_check == "unopened"


@pytest.mark.parametrize(
    ("codec", "suffix", "check"),
    [("libvpx-vp9", ".webm", "whole"), ("libx264", ".mov", None), ("libx265", ".mp4", None), ("libx264", ".mkv", None)],
)
def test_the_key_ends_as_the_container_asks_for(
    bench: Bench, server: Scripted, tmp_path: Path, codec: str, suffix: str, check: str | None
) -> None:
    """Whatever the address is called; the poster stands beside it."""
    forms = {".mkv": "matroska"}
    gives(server, make_clip(tmp_path / f"a{suffix}", codec, form=forms.get(suffix)).read_bytes())
    row = made(bench)
    assert (row.clip_key or "").endswith(f"{row.id}{suffix}")
    assert (row.poster_key or "").endswith(f"{row.id}.jpg")
    assert bench.archive.exists(row.poster_key or "")
    assert (row.clip_width_px, row.clip_height_px, row.clip_check) == (160, 96, check)
    checked(bench)
    assert bench.ledger.get(row.id).clip_check == "whole"


def test_a_better_clip_in_another_container_takes_the_old_ones_place(
    bench: Bench, server: Scripted, tmp_path: Path
) -> None:
    """The damaged file goes when the row names the new one."""
    gives(server, spoilt(tmp_path / "a.mp4"))
    row = made(bench)
    checked(bench)
    gives(server, make_clip(tmp_path / "a.webm", "libvpx-vp9").read_bytes())
    bench.run(row.id, save, settle)
    after = bench.ledger.get(row.id)
    assert (after.clip_key or "").endswith(".webm")
    assert not bench.archive.exists(row.clip_key or "")
