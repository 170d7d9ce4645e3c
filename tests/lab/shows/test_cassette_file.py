"""A cassette is a stranger's file: whatever is in it, it is played as it says or refused in a sentence, and nothing else is touched."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rivya_core import Settings
from rivya_core.api.errors import ConfigurationError, RivyaError
from rivya_core.lab.shows.cassette import reader
from rivya_core.services import open_lab
from tests.lab.given import make_mp4

Member = tuple[zipfile.ZipInfo | str, bytes]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small real clip."""
    return make_mp4(tmp_path_factory.mktemp("clip") / "a.mp4", frames=4).read_bytes()


def sha(data: bytes) -> str:
    """The name of some bytes."""
    return hashlib.sha256(data).hexdigest()


def entry(data: bytes, /, **changes: Any) -> dict[str, Any]:
    """One generation as it stands in cassette.json."""
    told = {
        "mode": "live",
        "model": "kling-v2-1-master",
        "prompt": "A fox",
        "params": {"duration": "5", "cfg_scale": 0.5},
        "take": 1,
        "after_s": 0.0,
        "work_s": 0.1,
        "reserved_credits": 160,
        "final_credits": 160,
        "clip": {"sha256": sha(data), "size_bytes": len(data)},
    }
    return {**told, **changes}


def index(clip: bytes, **changes: Any) -> bytes:
    """A cassette.json; arguments change it."""
    told = {
        "format": "rivya-cassette/1",
        "recorded_on": "2026-11-12",
        "left_out": 0,
        "sweeps": [],
        "entries": [entry(clip)],
        "images": [],
    }
    return json.dumps({**told, **changes}).encode()


def written(path: Path, members: list[Member], *, packed: bool = False) -> Path:
    """A ZIP of these members, as any tool may write it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two files with one name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
            for name, data in members:
                archive.writestr(name, data)
    return path


def whole(clip: bytes, **changes: Any) -> list[Member]:
    """The members of a good cassette; arguments change its index."""
    return [("cassette.json", index(clip, **changes)), (f"clips/{sha(clip)}", clip)]


def sweep(**changes: Any) -> dict[str, Any]:
    """A recorded sweep; arguments change what it varies."""
    base = {"model": "kling-v2-1-master", "prompt": "A fox", "params": {}}
    axis = {"name": "cfg_scale", "target": "param", "labels": ["0", "1"], "values": [0, 1]}
    spec = {"base": base, "axes": [axis], "paired": False, **changes}
    return {"name": "A", "question": "", "kind": "sweep", "takes": 1, "spec": spec}


def link(name: str) -> zipfile.ZipInfo:
    """A member that is a symbolic link."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def test_a_good_one_is_read_and_unpacked(tmp_path: Path, clip: bytes) -> None:
    """By hash, once; what is there already is left alone."""
    path = written(tmp_path / "a", whole(clip, sweeps=[sweep()]))
    cassette, identity = reader.read(path)
    assert (cassette.mode, cassette.credits, identity) == ("live", 160, sha(index(clip, sweeps=[sweep()])))
    found = reader.unpack(path, cassette, tmp_path / "tape")
    assert {name: file.read_bytes() for name, file in found.items()} == {sha(clip): clip}
    before = found[sha(clip)].stat().st_mtime_ns
    assert reader.unpack(path, cassette, tmp_path / "tape") == found
    assert found[sha(clip)].stat().st_mtime_ns == before
    assert [file.name for file in (tmp_path / "tape").iterdir()] == [sha(clip)]


HOSTILE: dict[str, tuple[Callable[[bytes], list[Member]], str]] = {
    "no index": (lambda clip: [(f"clips/{sha(clip)}", clip)], "no cassette.json"),
    "a name twice": (lambda clip: [*whole(clip), (f"clips/{sha(clip)}", clip)], "same name"),
    "two indexes": (lambda clip: [*whole(clip), ("cassette.json", b"{}")], "same name"),
    "a way out": (lambda clip: [*whole(clip), ("../../evil", b"x")], "does not belong"),
    "a whole path": (lambda clip: [*whole(clip), ("/etc/passwd", b"x")], "does not belong"),
    "a clip that nothing names": (lambda clip: [*whole(clip), (f"clips/{sha(b'x')}", b"x")], "does not belong"),
    "a link": (lambda clip: [*whole(clip), (link("clips/x"), b"/etc/passwd")], "link"),
    "the index as a link": (lambda _clip: [(link("cassette.json"), b"/etc/passwd")], "link"),
    "a folder": (lambda clip: [*whole(clip), ("clips/", b"")], "folder"),
    "a clip is missing": (lambda clip: whole(clip)[:1], "missing"),
    "a clip of another size": (lambda clip: [whole(clip)[0], (f"clips/{sha(clip)}", clip[:-1])], "another size"),
    "no JSON": (lambda _clip: [("cassette.json", b"\xff{")], "JSON"),
    "nested JSON": (lambda _clip: [("cassette.json", b"[" * 100_000)], "JSON"),
    "nested far down": (
        lambda clip: whole(clip, sweeps=[sweep(axes=json.loads("[" * 150 + "]" * 150))]),
        "sweeps",
    ),
    "a large index": (lambda _clip: [("cassette.json", b" " * 8_000_001)], "8 MB"),
    "another format": (lambda clip: whole(clip, format="rivya-cassette/2"), "format"),
    "a field too many": (lambda clip: whole(clip, key="rvya_sk_x"), "key"),
    "no entries": (lambda clip: whole(clip, entries=[]), "entries"),
    "too many entries": (lambda clip: whole(clip, entries=[entry(clip)] * 2001), "entries"),
    "a hash that is a path": (
        lambda clip: whole(clip, entries=[entry(clip, clip={"sha256": "../" * 21 + "x", "size_bytes": 1})]),
        "sha256",
    ),
    "a huge clip": (
        lambda clip: whole(clip, entries=[entry(clip, clip={"sha256": sha(clip), "size_bytes": 10**12})]),
        "size_bytes",
    ),
    "two sizes of one clip": (
        lambda clip: whole(clip, entries=[entry(clip), entry(clip, clip={"sha256": sha(clip), "size_bytes": 1})]),
        "two sizes|another size",
    ),
    "clip and failure": (lambda clip: whole(clip, entries=[entry(clip, failure={})]), "never both"),
    "neither": (lambda clip: whole(clip, entries=[entry(clip, clip=None)]), "never both"),
    "negative credits": (lambda clip: whole(clip, entries=[entry(clip, reserved_credits=-1)]), "reserved_credits"),
    "endless credits": (lambda clip: whole(clip, entries=[entry(clip, final_credits=10**30)]), "final_credits"),
    "no time": (lambda clip: whole(clip, entries=[entry(clip, work_s=float("nan"))]), "work_s"),
    "a number as text": (lambda clip: whole(clip, entries=[entry(clip, take="1")]), "take"),
    "a parameter that is a list": (lambda clip: whole(clip, entries=[entry(clip, params={"a": []})]), "params"),
    "a huge image": (lambda clip: whole(clip, images=[{"sha256": sha(b"x"), "size_bytes": 99_000_000}]), "image"),
    "labels that do not fit": (
        lambda clip: whole(clip, sweeps=[sweep(axes=[{"name": "a", "target": "param", "labels": [], "values": [1]}])]),
        "labels",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_is_wrong_is_refused_in_a_sentence(name: str, tmp_path: Path, clip: bytes) -> None:
    """What it is and why; nothing is unpacked."""
    make, why = HOSTILE[name]
    path = written(tmp_path / "a", make(clip))
    with pytest.raises(ConfigurationError, match=why) as caught:
        reader.read(path)
    assert caught.value.title == "This cassette cannot be played"
    assert caught.value.detail.endswith(".")
    assert len(caught.value.detail) < 300
    assert caught.value.charged == "no"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_can_swell(tmp_path: Path, clip: bytes) -> None:
    """A packed file is refused unread, however little it has on disk; so is one that lies about being packed."""
    bomb = json.dumps({"a": "0" * 50_000_000}).encode()
    path = written(tmp_path / "bomb", [("cassette.json", bomb)], packed=True)
    assert path.stat().st_size < 100_000
    with pytest.raises(ConfigurationError, match="packed"):
        reader.read(path)
    data = bytearray(written(tmp_path / "lie", whole(clip)).read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10**9).to_bytes(4, "little")  # what it says to have unpacked
    (tmp_path / "lie").write_bytes(data)
    with pytest.raises(ConfigurationError, match="packed"):
        reader.read(tmp_path / "lie")


def test_files_that_lie_in_each_other_are_refused(tmp_path: Path, clip: bytes) -> None:
    """So that what is unpacked never has more bytes than what was handed over."""
    inner = zipfile.ZipInfo(f"clips/{sha(clip)}")
    inner.CRC, inner.file_size, inner.compress_size = zlib.crc32(clip), len(clip), len(clip)
    outer = clip + inner.FileHeader() + clip
    path = written(tmp_path / "a", [("cassette.json", index(clip, entries=[entry(clip), entry(outer)]))])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"clips/{sha(outer)}", outer)
        inner.header_offset = archive.start_dir - len(clip) - len(inner.FileHeader())
        archive.filelist.append(inner)
    with zipfile.ZipFile(path) as archive:
        assert archive.read(archive.infolist()[-1]) == clip
    with pytest.raises(ConfigurationError, match="lie in each other"):
        reader.read(path)


def test_an_encrypted_file_is_refused(tmp_path: Path, clip: bytes) -> None:
    """Before anybody is asked for a password."""
    data = bytearray(written(tmp_path / "a", whole(clip)).read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 0x1
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(ConfigurationError, match="encrypted"):
        reader.read(tmp_path / "a")


def test_its_table_is_measured_before_it_is_read(tmp_path: Path) -> None:
    """Neither a million files nor the form of a very large archive is looked into."""
    many = written(tmp_path / "many", [(f"clips/{number}", b"") for number in range(2300)])
    with pytest.raises(ConfigurationError, match="holds more than"):
        reader.read(many)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("cassette.json", b"{}")
    end = data.getvalue()[-22:]
    large = data.getvalue()[:-22] + b"PK\x06\x07" + bytes(16) + end
    (tmp_path / "large").write_bytes(large)
    with pytest.raises(ConfigurationError, match="very large"):
        reader.read(tmp_path / "large")


@pytest.mark.parametrize(
    "junk", [b"", b"PK", b"no archive at all", b"PK\x05\x06" + b"\xff" * 18, bytes(100)], ids=ascii
)
def test_what_is_no_archive_is_refused(junk: bytes, tmp_path: Path) -> None:
    """As are a folder, a pipe and a file that is not there."""
    (tmp_path / "junk").write_bytes(junk)
    os.mkfifo(tmp_path / "pipe")
    for name in ("junk", ".", "pipe", "nothing"):
        with pytest.raises(ConfigurationError):
            reader.read(tmp_path / name)


def test_every_cut_and_every_damage_is_refused(tmp_path: Path, clip: bytes) -> None:
    """Whatever becomes of it on its way: refused in words, or the very same clips."""
    good = written(tmp_path / "good", whole(clip)).read_bytes()
    for number in range(60):
        place = number * len(good) // 60
        data = bytearray(good[: place + 1] if number % 2 else good)
        data[place] ^= 0x55
        (tmp_path / "a").write_bytes(data)
        try:
            cassette, _ = reader.read(tmp_path / "a")
            found = reader.unpack(tmp_path / "a", cassette, tmp_path / f"tape{number}")
        except RivyaError:
            continue
        assert {name: sha(file.read_bytes()) for name, file in found.items()} == {sha(clip): sha(clip)}


PLACES: tuple[tuple[str | int, ...], ...] = (
    *((name,) for name in ("format", "recorded_on", "left_out", "sweeps", "entries", "images")),
    *(("entries", 0, name) for name in entry(b"x")),
    *(("entries", 0, "clip", name) for name in ("sha256", "size_bytes")),
    *(("entries", 0, "params", name) for name in ("duration", "cfg_scale")),
    *(("sweeps", 0, name) for name in sweep()),
    *(("sweeps", 0, "spec", name) for name in ("base", "axes", "paired")),
    *(("sweeps", 0, "spec", "base", name) for name in ("model", "prompt", "params", "reference_image")),
    *(("sweeps", 0, "spec", "axes", 0, name) for name in ("name", "target", "labels", "values")),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=JSON)
def test_any_value_in_any_field_is_taken_or_refused_in_a_sentence(
    place: tuple[str | int, ...], value: object, tmp_path: Path, clip: bytes
) -> None:
    """Never another error, never a word of the value's making that is longer than a line, and nothing is written."""
    told = json.loads(index(clip, sweeps=[sweep()]))
    at = told
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    members: list[Member] = [("cassette.json", json.dumps(told).encode()), (f"clips/{sha(clip)}", clip)]
    path = written(tmp_path / "a", members)
    refusal = None
    try:
        assert reader.read(path)[0].entries
    except ConfigurationError as error:
        refusal = error
    if refusal is not None:
        assert refusal.title == "This cassette cannot be played"
        assert refusal.detail.endswith(".")
        assert len(refusal.detail) < 300
        assert refusal.detail.isprintable()
    assert list(tmp_path.iterdir()) == [path]


def test_a_changed_clip_and_one_that_is_no_video_are_refused(tmp_path: Path, clip: bytes) -> None:
    """The hash is compared, and the first bytes must be a clip's; nothing of it stays."""
    other = clip[:-1] + bytes([clip[-1] ^ 1])
    changed = written(tmp_path / "a", [whole(clip)[0], (f"clips/{sha(clip)}", other)])
    text = written(tmp_path / "b", whole(b"#!/bin/sh"))
    for path, why in ((changed, "was changed"), (text, "no MP4")):
        cassette, _ = reader.read(path)
        with pytest.raises(ConfigurationError, match=why):
            reader.unpack(path, cassette, tmp_path / "tape")
        assert list((tmp_path / "tape").iterdir()) == []


def test_a_lab_that_cannot_play_it_says_why_and_makes_nothing(tmp_path: Path, clip: bytes) -> None:
    """As every page then says it."""
    path = written(tmp_path / "a", whole(clip, format="rivya-cassette/9"))
    with pytest.raises(ConfigurationError, match="format"):
        open_lab(Settings(cassette=path, data_dir=tmp_path / "data"))
    assert not (tmp_path / "data").exists()
