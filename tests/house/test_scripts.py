"""Scripts as browsers get them: several files joined into one text, in which each file uses names of those before it."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from rivya_core.lab.shows.ballot import ballot
from rivya_core.lab.shows.page import page

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = ROOT / "pages" / "_ui" / "components"
SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.mark.parametrize("check", [["oxfmt", "--check"], ["oxlint", "-f", "unix"]], ids=["format", "lint"])
def test_scripts_and_styles_are_in_shape(check: list[str]) -> None:
    """As `make lint` wants them; where they are not, run `.venv/bin/oxfmt pages rivya_core tests`."""
    said = subprocess.run(
        [SCRIPTS / check[0], *check[1:], "pages", "rivya_core", "tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


class Finding(NamedTuple):
    """What the linter says of one joined script; ``name``: the name it is about."""

    script: str
    rule: str
    name: str


def _components() -> Iterator[tuple[str, tuple[Path, ...]]]:
    """Each component with its files, in the order in which ``component`` puts them."""
    for file in sorted(COMPONENTS.glob("*/__init__.py")):
        module = importlib.import_module(f"pages._ui.components.{file.parent.name}")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "component":
                given = {word.arg: ast.Expression(word.value) for word in call.keywords}
                shared = eval(compile(given["shared"], str(file), "eval"), vars(module)) if "shared" in given else ()
                own = COMPONENTS / ast.literal_eval(call.args[0]) / "component.js"
                yield own.parent.name, (*(COMPONENTS / f"{name}.js" for name in shared), own)


JOINED: Mapping[str, tuple[Path, ...]] = dict(_components()) | {
    "show": tuple(page.FOLDER / name for name in page._SCRIPTS),
    "ballot_page": tuple(ballot.FOLDER / name for name in ballot._SCRIPTS),
}
SHARED = sorted({path for files in JOINED.values() for path in files if path.name != "component.js"})


def _findings(folder: Path, scripts: Mapping[str, Sequence[Path]]) -> list[Finding]:
    """Join files under names of scripts and lint each as one module."""
    folder.mkdir()
    for name, files in scripts.items():
        (folder / f"{name}.js").write_text("\n".join(path.read_text(encoding="utf-8") for path in files))
    rules = {"eslint/no-undef": "error", "eslint/no-unused-vars": "error"}
    config = folder / "rules.json"
    config.write_text(
        json.dumps({"env": {"browser": True, "es2024": True}, "categories": {"correctness": "off"}, "rules": rules})
    )
    said = subprocess.run(
        [SCRIPTS / "oxlint", "-c", config, "-f", "json", folder], capture_output=True, text=True, check=False
    ).stdout
    return [
        Finding(Path(one["filename"]).stem, one.get("code", "syntax"), _name(one["message"]))
        for one in json.loads(said)["diagnostics"]
    ]


def _name(message: str) -> str:
    found = re.search(r"['`](\S+?)['`]", message)
    return found[1] if found else message


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[Finding]:
    """Of all joined scripts."""
    return _findings(tmp_path_factory.mktemp("scripts") / "joined", JOINED)


def test_a_script_names_only_what_it_is_given(findings: list[Finding]) -> None:
    """No file is missing before it, and no name is declared twice."""
    assert [one for one in findings if "no-unused-vars" not in one.rule] == []


def test_what_is_written_is_used(findings: list[Finding], tmp_path: Path) -> None:
    """Nobody is given a file without need, no file offers what nobody uses, and nothing inside a script is idle."""
    alone = _findings(tmp_path / "alone", {str(at): [path] for at, path in enumerate(SHARED)})
    offers = {
        path: {one.name for one in alone if one.script == str(at) and "unused" in one.rule}
        for at, path in enumerate(SHARED)
    }
    unused = {name: {one.name for one in findings if one.script == name} for name in JOINED}
    needless = [
        (name, path.name)
        for name, files in JOINED.items()
        for path in files
        if offers.get(path) and offers[path] <= unused[name]
    ]
    idle = {
        (path.name, offer)
        for path, names in offers.items()
        for offer in names
        if all(offer in unused[name] for name, files in JOINED.items() if path in files)
    }
    unheard = {name: names - set().union(*offers.values()) for name, names in unused.items()}
    assert (needless, idle, {name: names for name, names in unheard.items() if names}) == ([], set(), {})


@pytest.mark.parametrize("path", sorted(COMPONENTS.glob("*.js")), ids=lambda path: path.name)
def test_a_shared_script_is_in_use_and_says_what_it_is_for(path: Path) -> None:
    """At its head, for whoever looks for it."""
    assert path in SHARED
    assert path.read_text(encoding="utf-8").startswith(("//", "/**"))
