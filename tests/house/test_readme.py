"""README and docs say what is true: their commands exist, their code runs, their settings are all of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from rivya_core.services import close_all
from rivya_core.settings import Settings
from rivya_core.simulator import SimulatorServer
from tests.until import HANGS_S

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = [
    README,
    *((ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("architecture", "contributing")),
]
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    """docs/settings.md lists exactly the fields of Settings."""
    listed = set(
        re.findall(r"^\| `(RIVYA_[A-Z0-9_]+)`", (ROOT / "docs/settings.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert listed == {f"RIVYA_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("target", ["run", "test", "bench", "soak", "pictures"])
def test_the_make_targets_of_the_readme_exist(target: str) -> None:
    """Each `make` command named in README is a target that make can plan."""
    assert f"make {target}" in README
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True, timeout=HANGS_S)


def test_paths_named_for_people_exist() -> None:
    """Files and folders that README and the docs point to are there; a bare name is that of some file of ours."""
    ours = {path.name for room in ("rivya_core", "pages") for path in (ROOT / room).rglob("*.py")} | {"app.py"}
    for text in GUIDES:
        named = set(re.findall(r"`((?:rivya_core|pages|docs|tests)/[\w./]*)`", text)) | set(
            re.findall(r"\((docs/[\w./-]+)\)", text)
        )
        assert named
        assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
        assert set(re.findall(r"`(\w+\.py)`", text)) <= ours


def test_tests_named_for_people_exist() -> None:
    """Each promise and rule of the docs is held by a test of that name."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = {name for text in GUIDES for name in re.findall(r"`(test_\w+)`", text)}
    assert len(named) > 20
    assert [name for name in sorted(named) if f"def {name}(" not in code] == []


@pytest.mark.parametrize(
    ("snippet", "tasks"), list(zip(SNIPPETS, [1, 4, 1], strict=True)), ids=["lab", "sweep", "client"]
)
def test_the_code_of_the_readme_runs(snippet: str, tasks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples work as printed, here against a simulator, and buy what they say."""
    with SimulatorServer(tmp_path / "world.sqlite3", speed=40) as server:
        monkeypatch.setenv("RIVYA_API_KEY", server.api_key)
        monkeypatch.setenv("RIVYA_BASE_URL", server.base_url)
        monkeypatch.chdir(tmp_path)
        try:
            exec(compile(snippet.replace("rvya_sk_...", server.api_key), "README.md", "exec"), {})
        finally:
            close_all()
        assert len(server.world.tasks()) == tasks
        assert list(tmp_path.rglob("*.mp4"))
