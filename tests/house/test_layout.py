"""The house's own rules: where things stand, what they may import, what must not be written."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.until import HANGS_S

ROOT = Path(__file__).resolve().parents[2]
CODE = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py")), *sorted((ROOT / "rivya_core").rglob("*.py"))]
PAGES = sorted((ROOT / "pages").glob("[a-z]*.py"))
SCREENS = sorted((ROOT / "pages").rglob("*.py"))
TOP_LEVEL = {
    "app.py", "pages", "rivya_core", "tests", "requirements.txt", "README.md",
    "Makefile", "pyproject.toml", "CHANGELOG.md", "LICENSE", "docs",
}  # fmt: skip


def test_the_top_level_holds_only_what_the_owner_allows() -> None:
    """Files under version control stand in the agreed places; hidden ones are free."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    tops = {path.split("/")[0] for path in tracked if path}
    assert {top for top in tops if not top.startswith(".")} <= TOP_LEVEL


WAITING_MODULES = {
    "aiohttp", "asyncio", "concurrent", "dbos", "http", "httpx", "multiprocessing", "requests", "sched", "shelve", "socket",
    "sqlalchemy", "sqlite3", "ssl", "subprocess", "threading", "urllib3",
}  # fmt: skip
"""What queries, asks a network or runs beside the script; `urllib.parse` only takes addresses apart."""
WAITING_CALLS = {"sleep", "open", "urlopen", "result", "acquire", "read_bytes", "write_text", "write_bytes"}


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_neither_queries_nor_waits(path: Path) -> None:
    """P7: a page and its parts read widgets, call the core and draw: no SQL, network, files, threads or sleep in a run."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        imported = (
            [name.name for name in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "", *(f"{node.module}.{name.name}" for name in node.names)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        found += [name for name in imported if name.split(".")[0] in WAITING_MODULES or name == "urllib.request"]
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            found += [called] if called in WAITING_CALLS else []
    assert found == []


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_only_one_page_draws_is_imported_by_that_page_alone(path: Path) -> None:
    """What two pages share stands in `_ui` itself or in one of its shared folders, and knows no page."""
    folders = {page.stem for page in PAGES}
    own = path.relative_to(ROOT / "pages").parts
    owner = own[1] if len(own) > 1 else path.stem
    modules = [
        f"{node.module}.{name.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pages._ui")
        for name in node.names
    ]
    assert not [module for module in modules if module.split(".")[2] in folders - {owner}]


def test_text_of_people_never_becomes_markup() -> None:
    """Nobody switches Streamlit's escaping off."""
    switches = re.compile("unsafe_allow_html|unsafe_allow_javascript")
    assert [str(path) for path in CODE if switches.search(path.read_text(encoding="utf-8"))] == []


def test_modules_stay_small() -> None:
    """A module past 400 lines, a function past 60 or a page past 150 does a second thing."""
    too_long = []
    for path in CODE:
        source = path.read_text(encoding="utf-8")
        if len(source.splitlines()) > (150 if path in PAGES else 400):
            too_long.append(str(path))
        too_long += [
            f"{path}: {node.name}"
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
        ]
    assert too_long == []


def test_only_settings_reads_the_environment() -> None:
    """One module reads the environment and nobody else does, so that a setting has one home."""
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }
    assert readers == {"rivya_core/settings/__init__.py"}


def test_no_module_has_a_name_that_decides_nothing() -> None:
    """Modules are named by what they decide."""
    assert not [path for path in CODE if path.stem in {"utils", "helpers", "common", "manager", "misc"}]


@pytest.mark.parametrize("package", ["rivya_core", "rivya_core.api", "rivya_core.simulator"])
def test_public_names_are_sorted_and_real(package: str) -> None:
    """``__all__`` is sorted and each name exists."""
    module = importlib.import_module(package)
    assert list(module.__all__) == sorted(module.__all__)
    assert [name for name in module.__all__ if getattr(module, name, None) is None] == []


def fresh(code: str) -> str:
    """Run code in a new interpreter; what it printed."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=HANGS_S
    ).stdout


@pytest.mark.process
def test_the_api_room_loads_neither_database_nor_images_nor_the_async_transport() -> None:
    """Importing the client costs what a client costs."""
    loaded = fresh("import sys, rivya_core.api; print(' '.join(sys.modules))").split()
    heavy = {"sqlalchemy", "dbos", "av", "PIL", "aiohttp", "numpy", "pandas", "streamlit", "starlette", "platformdirs"}
    assert heavy.isdisjoint(loaded)


@pytest.mark.process
def test_the_core_never_loads_streamlit() -> None:
    """The core works without a dashboard, and without what only a bucket needs."""
    code = "import sys, rivya_core.services, rivya_core.web; print({'streamlit', 'obstore'} & sys.modules.keys())"
    assert fresh(code).strip() == "set()"


@pytest.mark.process
def test_importing_the_core_opens_nothing() -> None:
    """No file, thread or socket exists because a module was imported."""
    code = "import threading, rivya_core.services; print(threading.active_count())"
    assert fresh(code).strip() == "1"


def test_nothing_names_the_workshop() -> None:
    """What is published names no tool, path or registry of the place it was made in."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    words = re.compile(
        "|".join(["farm" + "-", "/wo" + "rk/", r"\.\./sha" + "red", "pypi" + r"\.org", "registry" + ".npm"])
    )
    found = []
    for name in tracked:
        path = ROOT / name
        if name and path.suffix in {".py", ".md", ".toml", ".txt", ".json", ".ini", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            found += [name for _ in [0] if words.search(text)]
    assert found == []
