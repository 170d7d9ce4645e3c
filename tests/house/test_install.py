"""How packages come into the environment: by uv where it can be told what pip is configured with, else by pip."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def install() -> ModuleType:
    """The script of the Makefile as a module."""
    spec = importlib.util.spec_from_file_location("rivya_ci_install", ROOT / ".ci" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_uv_is_told_what_pip_knows(install: ModuleType) -> None:
    """Certificate, constraints, places and indexes, the environment's value before the file's."""
    listed = (
        "global.cert='/etc/old.pem'\n:env:.cert='/etc/new.pem'\nglobal.constraint='/a.txt /b.txt'\n"
        "global.find-links='/w1 /w2'\nglobal.index-url='https://index.example/simple'\n"
        "global.extra-index-url='file:///one file:///two'\n:env:.disable-pip-version-check='1'\n"
    )
    told = install._told(dict(install._settings(listed)))
    assert {name: told[name] for name in ("SSL_CERT_FILE", "UV_CONSTRAINT", "UV_FIND_LINKS")} == {
        "SSL_CERT_FILE": "/etc/new.pem",
        "UV_CONSTRAINT": "/a.txt /b.txt",
        "UV_FIND_LINKS": "/w1,/w2",
    }
    assert told["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert (told["UV_INDEX"], told["UV_INDEX_STRATEGY"]) == ("file:///one file:///two", "unsafe-best-match")


@pytest.mark.parametrize("key", ["trusted-host", "no-index", "pre", "client-cert", "only-binary", "a-new-one"])
def test_pip_installs_what_uv_cannot_be_told(install: ModuleType, key: str) -> None:
    """A setting without a counterpart changes what is installed, so uv is not asked."""
    assert install._told({key: "1"}) is None


def test_nothing_is_fetched_for_nothing(
    install: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file without requirements asks no index."""
    empty = tmp_path / "requirements.txt"
    empty.write_text("# nothing\n\n")
    assert install.main(str(empty)) == 0
    assert capsys.readouterr().out == ""
