"""What every archive promises, wherever its files are: a folder of this machine, or a bucket."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.evaluation.clean_copies import neutral_copy
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.open_archive import open_archive
from tests.lab.given import make_mp4
from tests.object_store import Bucket
from tests.until import HANGS_S

KEY = "clips/2026/11/g01-1.mp4"


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Archive]:
    """An empty archive of each kind, as the settings open it."""
    url = "" if request.param == "folder" else request.getfixturevalue("bucket").url
    archive = open_archive(tmp_path / "archive", url=url, cache_mb=64)
    yield archive
    archive.close()


def parts(archive: Archive) -> list[Path]:
    """Part files that are left."""
    return list((archive.root / "parts").rglob("*.part*"))


def test_a_file_is_there_once_it_is_whole_and_goes_once(kept: Archive) -> None:
    """A part has no name; a commit gives it one and replaces what had it; what is gone is said."""
    part = kept.part_path(KEY)
    part.write_bytes(b"half")
    assert not kept.exists(KEY)
    part.write_bytes(b"whole")
    assert kept.commit_part(part, KEY).read_bytes() == b"whole"
    kept.put_bytes(KEY, b"replaced")
    facts = kept.facts(KEY)
    assert (kept.get_bytes(KEY), facts and facts.size_bytes) == (b"replaced", 8)
    assert kept.may_exist(KEY)
    with kept.open_local(KEY) as path:
        assert (path.read_bytes(), path.suffix) == (b"replaced", ".mp4")
    assert kept.delete(KEY)
    assert not kept.delete(KEY)
    assert (kept.facts(KEY), kept.find_local(KEY)) == (None, None)
    with pytest.raises(StorageError, match=r"gone.*backup"):
        kept.local(KEY)
    assert parts(kept) == []


def test_a_copy_outlives_its_source(kept: Archive) -> None:
    """A show holds its clips, whatever becomes of the generation."""
    kept.put_bytes(KEY, b"one")
    part = kept.link_part(KEY)
    kept.put_bytes(KEY, b"two")
    kept.commit_part(part, "shows/ab/one.mp4")
    kept.delete(KEY)
    assert kept.get_bytes("shows/ab/one.mp4") == b"one"
    with pytest.raises(StorageError):
        kept.link_part(KEY)
    assert parts(kept) == []


def test_nothing_is_stored_of_what_breaks_off(kept: Archive) -> None:
    """And a key that leads out of the archive is none, to any act."""

    def breaks() -> Iterator[bytes]:
        yield b"start"
        raise ValueError("cut off")

    with pytest.raises(ValueError, match="cut off"):
        kept.put_pieces(KEY, breaks())
    assert not kept.exists(KEY)
    assert parts(kept) == []
    for act in (kept.exists, kept.local, kept.serve, kept.delete, kept.part_path):
        with pytest.raises(LabError, match="not a key"):
            act("clips/../../etc/passwd")


def test_a_clip_its_poster_and_its_copy_for_voters(kept: Archive) -> None:
    """Checked as a part, then stored; what is made of it afterwards finds it where it is."""
    part = make_mp4(kept.part_path(KEY))
    clip = kept.check_clip(part, KEY)
    kept.commit_part(part, clip.clip_key)
    poster = kept.make_poster(KEY)
    assert poster == "posters/2026/11/g01-1.jpg"
    assert kept.get_bytes(poster).startswith(b"\xff\xd8\xff")
    copy = neutral_copy(kept, KEY, "g01-1")
    assert neutral_copy(kept, KEY, "g01-1") == copy
    assert kept.check_clip(kept.local(copy), copy).width_px == clip.width_px
    assert parts(kept) == []


def test_a_process_that_used_a_bucket_ends_cleanly(bucket: Bucket, tmp_path: Path) -> None:
    """The library's own threads do not abort it: with files stored from several threads, and one question under way."""
    script = (
        "import sys\nfrom concurrent.futures import ThreadPoolExecutor\nfrom pathlib import Path\n"
        "from rivya_core.lab.media.open_archive import open_archive\n"
        "archive = open_archive(Path(sys.argv[1]), url=sys.argv[2], cache_mb=64)\n"
        "with ThreadPoolExecutor(6) as pool:\n"
        "    list(pool.map(lambda n: archive.put_bytes(f'clips/{n}.mp4', b'x' * 1000), range(40)))\n"
        "archive.close()\n"
    )
    for number in range(2):
        command = [sys.executable, "-c", script, str(tmp_path / str(number)), bucket.url]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_S, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
    assert len(bucket.objects()) == 40
