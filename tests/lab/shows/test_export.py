"""Files of a show: they play without a network, hold what was shown and nothing of the lab, and are the same for the same show."""

from __future__ import annotations

import errno
import hashlib
import json
import re
import tracemalloc
import zipfile
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import sqlalchemy as sa

from rivya_core import Lab
from rivya_core.api.errors import LabError, RivyaError, StorageError
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.schema import cells, generations
from rivya_core.lab.media.video_probe import poster_jpeg
from rivya_core.lab.shows import export, previews
from rivya_core.lab.shows.export import Material
from rivya_core.lab.shows.files import FRAME_BYTES, Kind
from tests.lab.evaluation import pictures
from tests.lab.evaluation.study import make_study
from tests.lab.scripted import Scripted
from tests.lab.shows.given import decided
from tests.lab.shows.showing import show_data, write_folder
from tests.lab.shows.test_page import HOSTILE, Read
from tests.lab.shows.test_shows import clips_of
from tests.lab.video_files import make_clip
from tests.until import HANGS_S, until

KEY = "rvya_sk_SENTINELKEY0123456789abcdef"
EVERY: list[tuple[Kind, bool]] = [("file", False), ("file", True), ("zip", False), ("folder", False)]


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """A lab with nothing in it."""
    return make_lab()


@pytest.fixture
def whole_id(lab: Lab) -> str:
    """A show of a decided sweep, with all that a show can tell."""
    return lab.shows.of_sweep(decided(lab)).id


@pytest.fixture
def show_id(lab: Lab) -> str:
    """A show of four clips."""
    return lab.shows.create("Sea", clips_of(lab, make_study(lab, clips=2))).id


@pytest.fixture
def material(tmp_path: Path) -> Material:
    """Nine real clips with their posters, without a lab."""
    data = show_data()
    folder = tmp_path / "material"
    write_folder(folder, data)
    return Material(
        data,
        {key: folder / "clips" / f"{key}.mp4" for key in data["clips"]},
        {key: folder / "posters" / f"{key}.jpg" for key in data["clips"]},
    )


def content(path: Path) -> dict[str, bytes]:
    """All files of an export by name."""
    if path.is_dir():
        return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    return {path.name: path.read_bytes()}


def videos(html: bytes) -> dict[str, str]:
    """The address of each player by the hash of its clip."""
    return {str(one["data-clip"]): str(one["src"]) for one in Read(html.decode()).named("video")}


def inside(address: str) -> bytes:
    """The bytes that an address holds."""
    head, data = address.split(",", 1)
    assert head == "data:video/mp4;base64"
    return b64decode(data)


# -- what is in it -----------------------------------------------------------------------------------------------------


def test_one_file_holds_small_copies_that_play_and_asks_nobody(lab: Lab, tmp_path: Path) -> None:
    """Each clip once, 640 pixels wide; made once, so that the next file is the same at once."""
    lab_clip = make_clip(tmp_path / "large.mp4", frames=24, size=(1280, 720))
    sweep = make_study(lab)
    for id_ in clips_of(lab, sweep):
        lab.clip(id_).write_bytes(lab_clip.read_bytes())
    show = lab.shows.create("Sea", clips_of(lab, sweep)[:1])
    path = lab.shows.export(show.id, tmp_path / "show.html")
    assert path == tmp_path / "show.html"
    [(key, address)] = videos(path.read_bytes()).items()
    assert [key] == list(show.clips)
    (tmp_path / "copy.mp4").write_bytes(inside(address))
    with av.open(str(tmp_path / "copy.mp4")) as copy:
        [stream] = copy.streams
        assert (stream.type, stream.codec_context.name) == ("video", "h264")
        assert [(frame.width, frame.height) for frame in copy.decode(video=0)] == [(640, 360)] * 24
    kept = lab.archive.path(previews.clip_key(key))
    made = kept.stat()
    again = lab.shows.export(show.id, tmp_path / "again.html")
    assert again.read_bytes() == path.read_bytes()
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    assert "small copies" in Read(path.read_text()).text


def test_one_file_with_originals_holds_the_clips_as_they_are(lab: Lab, show_id: str, tmp_path: Path) -> None:
    """Byte for byte, and no small copy is made for it."""
    path = lab.shows.export(show_id, tmp_path / "show.html", originals=True)
    found = videos(path.read_bytes())
    assert found.keys() == lab.shows.data(show_id)["clips"].keys()
    for key, address in found.items():
        assert hashlib.sha256(inside(address)).hexdigest() == key
    assert lab.shows.files.sizes(show_id).left == len(found)


def test_the_zip_opens_with_its_page_and_is_what_the_folder_is(lab: Lab, whole_id: str, tmp_path: Path) -> None:
    """Page first, then data, then the clips by their hashes; nothing packed, everything of one day."""
    packed = lab.shows.export(whole_id, tmp_path / "show.zip", "zip")
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None
        infos = archive.infolist()
    data = lab.shows.data(whole_id)
    assert [one.filename for one in infos][:2] == ["OPEN ME.html", "show.json"]
    assert [one.filename for one in infos][2:] == [f"clips/{key}.mp4" for key in sorted(data["clips"])]
    assert {(one.date_time, one.compress_type) for one in infos} == {((1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED)}
    files = content(packed)
    assert json.loads(files["show.json"]) == data
    for name, bytes_ in files.items():
        if name.startswith("clips/"):
            assert hashlib.sha256(bytes_).hexdigest() == Path(name).stem
    folder = lab.shows.export(whole_id, tmp_path / "show", "folder")
    assert content(folder) == files


def test_the_page_beside_its_clips_finds_them_and_holds_its_posters(lab: Lab, whole_id: str, tmp_path: Path) -> None:
    """No request but for a clip that is played; it says to unpack first."""
    folder = lab.shows.export(whole_id, tmp_path / "show", "folder")
    read = Read((folder / "OPEN ME.html").read_text())
    for video in read.named("video"):
        assert (folder / str(video["src"])).is_file()
        assert video["preload"] == "none"
    shown = [str(one["src"]) for one in read.named("img")] + [str(one["poster"]) for one in read.named("video")]
    assert {one.partition(",")[0] for one in shown} == {"data:image/jpeg;base64"}
    assert "Unpack it first" in read.text


@pytest.mark.parametrize(("kind", "originals"), EVERY, ids=["small", "originals", "zip", "folder"])
def test_the_same_show_gives_the_same_bytes(
    lab: Lab, whole_id: str, tmp_path: Path, kind: Kind, originals: bool
) -> None:
    """Also after votes, and after the generation of a clip was deleted."""
    first = lab.shows.export(whole_id, tmp_path / "a", kind, originals=originals)
    lab.delete(clips_of(lab, "xheliotrope")[:1])
    second = lab.shows.export(whole_id, tmp_path / "b", kind, originals=originals)
    if first.is_file():
        assert first.read_bytes() == second.read_bytes()
    else:
        assert content(first) == content(second)


@pytest.mark.parametrize(("kind", "originals"), EVERY, ids=["small", "originals", "zip", "folder"])
def test_nothing_of_the_lab_is_in_it(lab: Lab, whole_id: str, tmp_path: Path, kind: Kind, originals: bool) -> None:
    """No folder, host, address, or id of the API; a file of nothing but what was shown."""
    path = lab.shows.export(whole_id, tmp_path / "out", kind, originals=originals)
    rows = lab.history.page().rows
    told = [str(lab.settings.data_dir), str(lab.archive.root), lab.connection, "127.0.0.1", "localhost", str(tmp_path)]
    told += [str(value) for row in rows for value in (row.id, row.task_id, row.file_id) if value]
    words = b"\n".join(content(path).values())
    assert [one for one in told if one and one.encode() in words] == []


def test_the_key_is_never_handed_over(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    """Not of a lab that has one, and not by who wrote it into a caption."""
    with Scripted() as server:
        lab = make_lab(api_key=KEY, base_url=server.base_url)
        ids = clips_of(lab, make_study(lab, mode="live"))
        show = lab.shows.create("Sea", ids[:1])
        for kind, originals in EVERY:
            path = lab.shows.export(show.id, tmp_path / f"{kind}-{originals}", kind, originals=originals)
            assert KEY.encode() not in b"\n".join(content(path).values())
            assert server.base_url.encode() not in b"\n".join(content(path).values())
        careless = lab.shows.create("Sea", ids[:1], [f"made with {KEY}"])
        for kind, originals in EVERY:
            with pytest.raises(LabError, match="holds the API key"):
                lab.shows.export(careless.id, tmp_path / "out", kind, originals=originals)
        assert not (tmp_path / "out").exists()
        lab.close()


def test_the_key_is_on_no_page_picture_or_ballot(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    """Wherever a person typed it: everything that hands a show over refuses, and the network gets nothing."""
    with Scripted() as server:
        lab = make_lab(api_key=KEY, base_url=server.base_url, share_address="127.0.0.1")
        sweep = make_study(lab, mode="live")
        with begin_immediate(lab.ledger.database) as connection:
            connection.execute(sa.update(generations).values(prompt=f"a sea, {KEY}"))
            connection.execute(sa.update(cells).values(request={"prompt": f"a sea, {KEY}", "params": {}}))
        show = lab.shows.create("Sea", [clips_of(lab, sweep)])
        hand_over: list[Callable[[], object]] = [
            lambda: lab.shows.data(show.id),
            lambda: lab.shows.page(show.id),
            lambda: lab.shows.contact_sheet(show.id, tmp_path / "sheet.png"),
            lambda: lab.shows.side_by_side(show.id, 1, tmp_path / "clips.mp4"),
            lambda: lab.shows.ballots.make(sweep),
        ]
        for act in hand_over:
            with pytest.raises(LabError, match="holds the API key"):
                act()
        assert list(tmp_path.glob("*.png")) == list(tmp_path.glob("*.mp4")) == []
        share = lab.shows.room.start(show.id)
        answer = httpx.get(share.url, timeout=HANGS_S)
        assert (answer.status_code, KEY in answer.text) == (404, False)
        lab.close()


def test_hostile_words_stay_text_in_page_and_names(lab: Lab, tmp_path: Path) -> None:
    """In title and captions; names of files never hold them."""
    ids = clips_of(lab, make_study(lab))
    show = lab.shows.create(HOSTILE[1], ids[:1], [HOSTILE[0]])
    folder = lab.shows.export(show.id, tmp_path / "out", "folder")
    read = Read((folder / "OPEN ME.html").read_text())
    assert HOSTILE[1] in read.text
    assert not [one for one in read.named("img") if "onerror" in one]
    assert len(read.named("script")) == len(Read(lab.shows.page(show.id)).named("script"))
    assert {re.sub("[0-9a-f]{64}", "#", name) for name in content(folder)} == {
        "OPEN ME.html",
        "show.json",
        "clips/#.mp4",
    }


# -- what is refused ---------------------------------------------------------------------------------------------------


def _writers(lab: Lab, show_id: str) -> dict[str, Callable[[Path], Path]]:
    """Everything that writes a file of a show."""
    return {
        "file": lambda path: lab.shows.export(show_id, path, "file"),
        "zip": lambda path: lab.shows.export(show_id, path, "zip"),
        "folder": lambda path: lab.shows.export(show_id, path, "folder"),
        "sheet": lambda path: lab.shows.contact_sheet(show_id, path),
        "video": lambda path: lab.shows.side_by_side(show_id, 1, path),
        "cassette": lambda path: lab.cassettes.export([one.generation_id for one in lab.shows.held(show_id)], path),
    }


def test_nothing_that_is_there_is_written_over_or_removed(lab: Lab, show_id: str, tmp_path: Path) -> None:
    """Neither what has the name, nor what looks like the part of another's writing."""
    target, foreign = tmp_path / "sea", tmp_path / ".sea.part"
    target.write_text("precious")
    foreign.mkdir()
    (foreign / "mine").write_text("precious")
    for name, write in _writers(lab, show_id).items():
        with pytest.raises(LabError, match="name is taken"):
            write(target)
        if name != "cassette":  # which records whole clips only
            write(tmp_path / f"new {name}")
    assert (target.read_text(), (foreign / "mine").read_text()) == ("precious", "precious")


@pytest.mark.parametrize(
    "name", ["a\0b", "a\ud800b", "x" * 300, "no/folder/here"], ids=["nul", "half", "long", "place"]
)
def test_a_name_that_no_file_can_have_is_told(lab: Lab, show_id: str, tmp_path: Path, name: str) -> None:
    """In a sentence, and nothing is left."""
    for write in _writers(lab, show_id).values():
        with pytest.raises(RivyaError):
            write(tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("kind", ["file", "zip", "folder"])
def test_what_is_there_already_is_left_alone(lab: Lab, show_id: str, tmp_path: Path, kind: Kind) -> None:
    """It is refused in words, and stays."""
    (tmp_path / "out").write_text("mine")
    with pytest.raises(LabError, match="exists already"):
        lab.shows.export(show_id, tmp_path / "out", kind)
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("kind", ["file", "zip", "folder"])
def test_a_place_that_cannot_be_written_is_said(lab: Lab, show_id: str, tmp_path: Path, kind: Kind) -> None:
    """A folder that is not there; nothing is left behind."""
    with pytest.raises(StorageError, match="cannot be written"):
        lab.shows.export(show_id, tmp_path / "never" / "out", kind)
    assert not (tmp_path / "never").exists()


def test_what_stands_beside_it_is_left_alone(material: Material, tmp_path: Path) -> None:
    """Also what was left by, or is being written by, another that makes a file or folder of the same name."""
    (tmp_path / ".folder.part").mkdir()
    for name in (".folder.part/theirs", ".zip.part"):
        (tmp_path / name).write_text("theirs")
    export.write_folder(material, tmp_path / "folder")
    export.write_file(export.zip_file(material), tmp_path / "zip", 0)
    assert {one.name for one in tmp_path.iterdir()} >= {"folder", "zip", ".folder.part", ".zip.part"}
    assert [(tmp_path / name).read_text() for name in (".folder.part/theirs", ".zip.part")] == ["theirs"] * 2
    assert not [one for one in tmp_path.glob("*.part") if one.name not in {".folder.part", ".zip.part"}]


def test_a_show_without_room_is_refused_before_anything_is_written(material: Material, tmp_path: Path) -> None:
    """With what is needed and what is there."""
    clips = {key: clip | {"size_bytes": 10**17} for key, clip in material.data["clips"].items()}
    huge = Material({**material.data, "clips": clips}, material.clips, material.posters)
    with pytest.raises(StorageError, match=r"900,000,000,000 MB are needed .* are free"):
        export.write_folder(huge, tmp_path / "out")
    with pytest.raises(StorageError, match=r"900,000,000,000 MB are needed .* are free"):
        export.write_file(export.zip_file(huge), tmp_path / "out", huge.size_bytes)
    assert [one.name for one in tmp_path.iterdir()] == ["material"]


def test_a_disk_that_fills_up_meanwhile_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    """As the system tells it."""

    def filling() -> Any:
        yield b"some"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match="The disk is full"):
        export.write_file(filling(), tmp_path / "out", 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is always full is Linux's")
def test_a_small_copy_without_room_is_not_blamed_on_the_clip(tmp_path: Path) -> None:
    """The disk is full: that is what is said."""
    with pytest.raises(StorageError, match="The disk is full"):
        previews.small_copy(make_clip(tmp_path / "clip.mp4"), Path("/dev/full"))


@pytest.mark.parametrize(("kind", "originals"), EVERY[1:], ids=["originals", "zip", "folder"])
def test_a_clip_that_was_changed_on_the_disk_is_never_handed_over(
    lab: Lab, show_id: str, tmp_path: Path, kind: Kind, originals: bool
) -> None:
    """Nothing is left of what was begun."""
    key = list(lab.shows.data(show_id)["clips"])[-1]
    clip = lab.shows.clip(show_id, key)
    clip.write_bytes(clip.read_bytes()[:-1] + b"x")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(StorageError, match="changed on the disk"):
        lab.shows.export(show_id, out / "show", kind, originals=originals)
    assert list(out.iterdir()) == []


def test_originals_are_inside_up_to_a_size_only(lab: Lab, show_id: str, tmp_path: Path) -> None:
    """Beyond it the other ways are named; the sizes say so before."""
    files = lab.shows.files
    assert files.sizes(show_id).fits_inside
    large = make_clip(tmp_path / "large.mp4", frames=2).read_bytes()
    id_ = clips_of(lab, "xheliotrope")[0]
    lab.clip(id_).write_bytes(large + b"\0" * export.INSIDE_MAX_BYTES)
    other = lab.shows.create("Large", [id_])
    assert not files.sizes(other.id).fits_inside
    with pytest.raises(LabError, match="40 MB, and one file holds 40") as refused:
        lab.shows.export(other.id, tmp_path / "out.html", originals=True)
    assert "ZIP" in refused.value.hint
    assert not (tmp_path / "out.html").exists()


def test_no_show_and_no_such_kind_are_refused(lab: Lab, show_id: str, tmp_path: Path) -> None:
    """In words."""
    with pytest.raises(LabError, match="no such show"):
        lab.shows.export("snever", tmp_path / "out")
    with pytest.raises(LabError, match="no such kind"):
        lab.shows.export(show_id, tmp_path / "out", "pdf")  # type: ignore[arg-type]  # what a script may say


# -- memory, and in the background -------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_clips(material: Material, tmp_path: Path) -> None:
    """Of 90 MB one block is held at a time, in a ZIP and in one file."""
    clips: dict[str, Path] = {}
    facts: dict[str, Any] = {}
    for number, (_, clip) in enumerate(material.data["clips"].items()):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(bytes([number]) * 10_000_000)
        key = hashlib.sha256(path.read_bytes()).hexdigest()
        clips[key], facts[key] = path, clip | {"sha256": key, "size_bytes": 10_000_000}
    slides = [{"layout": "clip", "heading": "", "caption": "", "clips": [key], "text": []} for key in clips]
    data = {**material.data, "grid": None, "votes": None, "decision": None, "findings": []}
    large = Material({**data, "slides": slides, "clips": facts}, clips, dict.fromkeys(clips))
    ways = (export.zip_file, lambda given: export.one_file(given, are_originals=True))
    for write in ways:
        for _ in write(material):  # what is loaded once is not counted
            pass
        tracemalloc.start()
        try:
            sent = sum(len(piece) for piece in write(large))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert sent > 90_000_000
        assert peak < 5_000_000


def test_small_copies_are_made_in_the_background_and_how_far_is_told(lab: Lab, show_id: str, tmp_path: Path) -> None:
    """Until then the file is refused to who does not wait; afterwards it comes at once."""
    files = lab.shows.files
    before = files.sizes(show_id)
    assert (before.left, before.small_bytes) == (before.clips, None)
    with pytest.raises(LabError, match="4 of 4 clips have no small copy yet"):
        files.pieces(show_id, "file")
    files.ask(show_id)
    until(lambda: not files.is_making(show_id))
    after = files.sizes(show_id)
    assert after.left == 0
    assert files.failure(show_id) is None
    written = lab.shows.export(show_id, tmp_path / "out.html").read_bytes()
    assert written == b"".join(files.pieces(show_id, "file"))
    assert after.small_bytes is not None
    assert len(written) < 2 * after.small_bytes


def test_why_small_copies_cannot_be_made_is_kept(lab: Lab, show_id: str) -> None:
    """And gone when they are asked for again and can be."""
    files = lab.shows.files
    clip = lab.shows.clip(show_id, next(iter(lab.shows.data(show_id)["clips"])))
    whole = clip.read_bytes()
    clip.write_bytes(b"no clip at all")
    files.ask(show_id)
    until(lambda: not files.is_making(show_id))
    failure = files.failure(show_id)
    assert isinstance(failure, RivyaError)
    assert "cannot be made smaller" in failure.title
    clip.write_bytes(whole)
    files.ask(show_id)
    until(lambda: not files.is_making(show_id))
    assert files.failure(show_id) is None
    assert files.sizes(show_id).left == 0


def test_a_read_only_lab_hands_over_what_needs_no_writing(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    """ZIP, and one file when its small copies are there; it makes none."""
    lab = make_lab()
    ready = lab.shows.create("Sea", clips_of(lab, make_study(lab))).id
    lab.close()
    shown = make_lab(read_only=True)
    for act in (lambda: shown.shows.files.ask(ready), lambda: shown.shows.export(ready, tmp_path / "out.html")):
        with pytest.raises(LabError, match="read-only"):
            act()
    assert shown.shows.export(ready, tmp_path / "out.zip", "zip").is_file()
    assert shown.shows.export(ready, tmp_path / "originals.html", originals=True).is_file()
    shown.close()
    lab = make_lab()
    lab.shows.export(ready, tmp_path / "first.html")
    lab.close()
    again = make_lab(read_only=True).shows.export(ready, tmp_path / "out.html")
    assert again.read_bytes() == (tmp_path / "first.html").read_bytes()


def test_sixty_small_copies_make_a_page_that_can_be_mailed(lab: Lab, tmp_path: Path) -> None:
    """Even of clips that are hard to code: 25 MB in base64, with their posters."""
    rng = np.random.default_rng(0)
    noise = [rng.integers(16, 235, (360, 640), dtype=np.uint8) for _ in range(24)]
    clip = tmp_path / "noise.mp4"
    pictures.write(clip, noise * 5)
    poster = tmp_path / "noise.jpg"
    assert poster_jpeg(clip, poster)
    previews.make(lab.archive, "0" * 64, clip, poster)
    small, picture = (
        lab.archive.path(name("0" * 64)).stat().st_size for name in (previews.clip_key, previews.poster_key)
    )
    assert 60 * (small + 2 * picture) * 4 / 3 + FRAME_BYTES < 25_000_000  # a poster stands in the grid as well


def test_copies_leave_the_room_that_paid_clips_need(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    """Neither small copies nor a ballot are made on a disk that is nearly full; what takes no room still is."""
    lab = make_lab(min_free_disk_bytes=10**15)
    sweep = make_study(lab)
    show = lab.shows.create("Sea", clips_of(lab, sweep))
    for act in (lambda: lab.shows.export(show.id, tmp_path / "one.html"), lambda: lab.shows.ballots.make(sweep)):
        with pytest.raises(StorageError, match="nearly full"):
            act()
    assert lab.shows.export(show.id, tmp_path / "show.zip", "zip").is_file()
