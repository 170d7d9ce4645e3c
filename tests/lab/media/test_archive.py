"""The archive: keys cannot leave it, names appear only on whole files, trouble is told in sentences."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from rivya_core.api.errors import DownloadError, LabError, StorageError
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.disk_words import fault_of
from tests.lab.given import make_mp4

KEY = "clips/2026/11/g01-1.mp4"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "clips",
        "clips/",
        "clips//a",
        "/etc/passwd",
        "../x",
        "clips/../../x",
        "clips/..",
        "clips/.hidden",
        "other/a.mp4",
        "clips/a\\b",
        "clips/a b",
        "clips/a\x00",
        "clips/a\n",
        "C:/x",
        "clips/" + "a" * 300,
    ],
)
def test_a_key_cannot_leave_the_archive(archive: Archive, key: str) -> None:
    """Only plain names below the three folders are keys."""
    with pytest.raises(LabError) as caught:
        archive.path(key)
    assert caught.value.field == "key"


def test_a_file_has_its_name_only_when_it_is_whole(archive: Archive) -> None:
    """Until the commit there is a part with another name, in the same file system."""
    part = archive.part_path(KEY)
    part.write_bytes(b"abc")
    assert not archive.exists(KEY)
    assert part.stat().st_dev == archive.root.stat().st_dev
    assert archive.commit_part(part, KEY).read_bytes() == b"abc"
    assert archive.exists(KEY)
    assert not part.exists()


def test_parts_of_two_tries_never_meet(archive: Archive) -> None:
    """Every try has a part name of its own."""
    assert len({archive.part_path(KEY) for _ in range(100)}) == 100


def test_a_commit_replaces_what_was_there(archive: Archive) -> None:
    """Fetching again after a crash between rename and row is harmless."""
    for content in (b"one", b"two"):
        archive.put_bytes(KEY, content)
    assert archive.get_bytes(KEY) == b"two"


def test_file_and_folder_are_synced_before_the_commit_returns(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operating system is asked to write the file, then its new name, in this order."""
    calls: list[str] = []
    real_sync, real_rename = os.fsync, os.rename

    def sync(opened: int) -> None:
        calls.append("folder" if stat.S_ISDIR(os.fstat(opened).st_mode) else "file")
        real_sync(opened)

    def replace(source: object, target: object) -> None:
        calls.append("rename")
        real_rename(str(source), str(target))

    archive.put_bytes("clips/2026/11/first.mp4", b"x")
    part = archive.part_path(KEY)
    part.write_bytes(b"abc")
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    archive.commit_part(part, KEY)
    assert calls == ["file", "rename", "folder"]


CANNOT = [errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP]


@pytest.mark.parametrize("code", CANNOT)
@pytest.mark.parametrize("of", ["folder", "file", "both"])
def test_a_file_system_that_cannot_sync_keeps_the_clip(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, code: int, of: str
) -> None:
    """Shares of other machines know no sync; the file gets its name all the same."""
    _cannot_sync(monkeypatch, code, of)
    part = archive.part_path(KEY)
    part.write_bytes(b"abc")
    assert archive.commit_part(part, KEY).read_bytes() == b"abc"
    assert archive.exists(KEY)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EBADF, errno.EACCES])
@pytest.mark.parametrize("of", ["folder", "file"])
def test_a_disk_that_fails_is_never_passed_over(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, code: int, of: str
) -> None:
    """Only "cannot" is passed over: after any other answer nobody knows what is on the disk."""
    _cannot_sync(monkeypatch, code, of)
    part = archive.part_path(KEY)
    part.write_bytes(b"abc")
    with pytest.raises(StorageError):
        archive.commit_part(part, KEY)


def _cannot_sync(monkeypatch: pytest.MonkeyPatch, code: int, of: str) -> None:
    real = os.fsync

    def sync(opened: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(opened).st_mode) else "file"
        if of in {kind, "both"}:
            raise OSError(code, os.strerror(code))
        real(opened)

    monkeypatch.setattr(os, "fsync", sync)


def test_what_a_crash_left_is_removed(archive: Archive) -> None:
    """Parts go, files stay."""
    archive.put_bytes(KEY, b"abc")
    archive.part_path(KEY).write_bytes(b"half")
    assert archive.remove_parts() == 1
    assert archive.remove_parts() == 0
    assert archive.exists(KEY)


def test_a_file_can_be_deleted_once(archive: Archive) -> None:
    """The second time there is nothing."""
    archive.put_bytes(KEY, b"abc")
    assert archive.delete(KEY)
    assert not archive.delete(KEY)
    with pytest.raises(StorageError, match="gone"):
        archive.get_bytes(KEY)


@pytest.mark.parametrize(
    ("number", "title", "retryable"),
    [
        (errno.ENOSPC, "The disk is full", True),
        (errno.EDQUOT, "The disk is full", True),
        (errno.ENOENT, "A file of the archive is gone", False),
        (errno.EACCES, "The archive cannot be used", True),
        (errno.EIO, "The archive cannot be used", True),
    ],
)
def test_trouble_of_the_disk_is_told_in_a_sentence(number: int, title: str, retryable: bool) -> None:
    """Each kind of trouble has its title and says what to do."""
    error = fault_of(OSError(number, os.strerror(number)), Path("/data/clips/x.mp4"))
    assert (error.title, error.retryable) == (title, retryable)
    assert error.hint


def test_a_folder_in_the_way_is_told(archive: Archive) -> None:
    """A key whose folder is a file cannot be written, and that is said."""
    (archive.root / "clips").write_bytes(b"not a folder")
    with pytest.raises(StorageError):
        archive.put_bytes(KEY, b"abc")
    assert list((archive.root / "parts").iterdir()) == []


def test_free_space_is_known(archive: Archive) -> None:
    """A figure of the file system, not of the machine."""
    assert archive.free_bytes() > 0


def test_a_clip_is_checked_kept_and_has_a_poster(archive: Archive) -> None:
    """From a part to a clip with a poster beside it."""
    part = make_mp4(archive.part_path(KEY))
    clip = archive.check_clip(part, KEY)
    archive.commit_part(part, KEY)
    poster = archive.make_poster(KEY)
    assert (clip.clip_key, clip.poster_key, poster) == (KEY, None, "posters/2026/11/g01-1.jpg")
    assert archive.path(poster or "").read_bytes().startswith(b"\xff\xd8\xff")
    assert list((archive.root / "parts").iterdir()) == []


def test_a_missing_poster_never_costs_the_clip(archive: Archive) -> None:
    """A file without a readable frame has no poster, and nothing is raised."""
    archive.put_bytes(KEY, b"not a video")
    assert archive.make_poster(KEY) is None
    with pytest.raises(DownloadError):
        archive.check_clip(archive.path(KEY), KEY)


def test_a_copy_without_room_leaves_nothing(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file has no second name, and the disk fills up while it is copied."""
    archive.put_bytes(KEY, b"clip")

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no second names")

    def fill_up(_source: Path, part: Path) -> None:
        part.write_bytes(b"cl")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr("shutil.copyfile", fill_up)
    with pytest.raises(StorageError, match="The disk is full"):
        archive.link_part(KEY)
    assert list((archive.root / "parts").iterdir()) == []
