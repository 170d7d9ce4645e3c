"""A file takes its name when it is whole and on the disk, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from rivya_core.api.durable import written_beside


def test_a_file_takes_its_name_once_it_is_whole(tmp_path: Path) -> None:
    """Until then what had the name is there; two that write at once do not meet."""
    target = tmp_path / "a"
    target.write_text("old")
    with written_beside(target) as one, written_beside(target) as other:
        one.write_text("one")
        other.write_text("other")
        assert target.read_text() == "old"
    assert target.read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()], ids=["disk", "stopped"])
def test_what_did_not_become_whole_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    """What had the name keeps it."""
    target = tmp_path / "a"
    target.write_text("old")

    def break_off() -> None:
        with written_beside(target) as part:
            part.write_text("half")
            raise error

    with pytest.raises(type(error)):
        break_off()
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_nothing_that_was_written_is_an_error(tmp_path: Path) -> None:
    """A file that nobody wrote has no name to take."""
    with pytest.raises(FileNotFoundError), written_beside(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == []
