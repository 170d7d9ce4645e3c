"""What a data folder promises its owner: what it makes is for one user alone, and what is there keeps its rights."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab
from rivya_core.lab.drafts import drafts
from rivya_core.lab.ledger.database import open_database
from rivya_core.private_files import readers_of
from tests.api.images import png
from tests.lab.evaluation.study import make_study

pytestmark = pytest.mark.skipif(os.name == "nt", reason="rights of this kind are not known there")


@pytest.fixture(autouse=True)
def _open_to_all() -> Iterator[None]:
    """The usual umask of a server is no help; this one none at all."""
    before = os.umask(0)
    yield
    os.umask(before)


def rights(path: Path) -> str:
    """The rights of a file or folder, as ``chmod`` writes them."""
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def test_everything_that_is_made_is_for_this_user_alone(make_lab: Callable[..., Lab], data_dir: Path) -> None:
    """Database with its log, locks, clips, posters, pictures, the simulator's world, copies for voters, backups."""
    lab = make_lab(first_start_examples=True)
    image = drafts.load_image(lab, drafts.attach_image(lab, png(), "a.png").prepared)
    lab.wait(lab.submit(GenerationRequest(prompt="A red fox", reference_image=image)).id, timeout_s=60)
    round_id = lab.ballots.start(make_study(lab), "Ana")
    ballot = lab.ballots.ballot(round_id)
    assert ballot is not None
    lab.ballots.file(ballot.left_token)
    made = [data_dir, *data_dir.rglob("*")]
    of_tests = {path for path in made if "xheliotrope" in path.name and "ballots" not in path.parts}
    wrong = {
        path.relative_to(data_dir).as_posix(): rights(path)
        for path in made
        if path not in of_tests and rights(path) != ("0700" if path.is_dir() else "0600")
    }
    assert wrong == {}
    assert {"lab.sqlite3", "lab.sqlite3-wal", "lab.sqlite3-shm", "executor.lock"} <= {path.name for path in made}


def test_what_is_there_keeps_its_rights(make_lab: Callable[..., Lab], data_dir: Path) -> None:
    """Somebody may share a folder on purpose; a lock of theirs must stay open to them."""
    data_dir.mkdir(mode=0o755)
    make_lab().close()
    shared = [data_dir / name for name in ("lab.sqlite3", "executor.lock", "archive")]
    for path in shared:
        path.chmod(0o775 if path.is_dir() else 0o664)
    lab = make_lab()
    lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id, timeout_s=60)
    assert [rights(path) for path in shared] == ["0664", "0664", "0775"]
    assert rights(data_dir) == "0755"


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (0o700, ""),
        (0o755, "Other users of this machine can read the data folder (mode 0755)."),
        (0o750, "Members of the folder's group can read the data folder (mode 0750)."),
        (0o704, ""),
    ],
)
def test_who_else_can_read_is_said(tmp_path: Path, mode: int, said: str) -> None:
    """A folder that cannot be entered keeps what is in it, whoever may list it."""
    tmp_path.chmod(mode)
    assert readers_of(tmp_path) == said


def test_a_database_that_was_never_filled_is_taken_for_a_new_one(make_lab: Callable[..., Lab], data_dir: Path) -> None:
    """The file is made before SQLite writes into it; a crash in between leaves it empty."""
    data_dir.mkdir()
    (data_dir / "lab.sqlite3").touch()
    make_lab().close()
    database = open_database(data_dir / "lab.sqlite3")
    assert sa.inspect(database).has_table("lab_generations")
    database.dispose()
