"""`make setup` gives a usable environment whatever it finds: one without pip, without Python, made for another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
ROOT = Path(__file__).resolve().parents[2]


def _without_pip(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)


def _without_python(folder: Path) -> None:
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to("/nowhere/python")


def _moved(folder: Path) -> None:
    _without_pip(folder)
    place = next((folder / ".venv" / "lib").glob("python*/site-packages"))
    (place / "pip").mkdir()
    (place / "pip" / "__init__.py").touch()
    (folder / ".venv" / "bin" / "pip").write_text("#!/another/folder/.venv/bin/python\n")


@pytest.mark.parametrize("half_made", [_without_pip, _without_python, _moved], ids=["no pip", "no Python", "moved"])
def test_an_unusable_environment_is_made_again(tmp_path: Path, half_made: Callable[[Path], None]) -> None:
    """It says why, ends well, and a second run has nothing to do."""
    checkout = tmp_path / "a checkout"
    shutil.copytree(ROOT / ".ci", checkout / ".ci")
    shutil.copy(ROOT / "Makefile", checkout)
    (checkout / "requirements.txt").touch()  # nothing to install, so nothing is fetched
    half_made(checkout)
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    first, second = (
        subprocess.run(
            ["make", "setup", f"PYTHON={sys.executable}"],
            cwd=checkout,
            env=own,  # `make test` is a make itself, and tells the ones below it to speak differently
            capture_output=True,
            text=True,
            check=False,
        )
        for _ in range(2)
    )
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "Making .venv again" in first.stdout
    assert second.stdout == ""
    subprocess.run([checkout / ".venv" / "bin" / "python", "-c", "import pip"], check=True)
