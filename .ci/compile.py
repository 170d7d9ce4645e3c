"""Compile the environment's modules to bytecode, as pip does and uv does not: ``first`` what a start needs, ``rest`` the others.

``rest`` waits until the dashboard answers at the given address, then works at low priority: the first page comes first.
"""

import compileall
import contextlib
import os
import sys
import sysconfig
import time
import urllib.request
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

LATER = {"altair", "choix", "pandas", "pip", "pyarrow", "scipy", "setuptools", "uv"}
"""Packages that no first page imports, and that take as long as all others together."""

NOT_IMPORTED = {"test", "tests", "testing", "_pyinstaller"}
WAIT_S = 120.0


def main(what: str, address: str = "") -> None:
    """Compile what was asked for; a module that cannot be compiled is Python's to complain of when it is imported."""
    packages = Path(sysconfig.get_paths()["purelib"])
    if what == "first":
        files = [str(file) for file in packages.rglob("*.py") if _is_for_a_start(file.relative_to(packages))]
        with ProcessPoolExecutor() as pool:
            list(pool.map(_compile, files, chunksize=50))
        return
    if address:
        _wait(address)
    os.nice(19)
    compileall.compile_dir(packages, quiet=2, workers=1)


def _is_for_a_start(file: Path) -> bool:
    return file.parts[0] not in LATER and not NOT_IMPORTED & set(file.parts)


def _compile(file: str) -> None:
    compileall.compile_file(file, quiet=2)


def _wait(address: str) -> None:
    """Return once the dashboard answers, whatever it says, or after two minutes."""
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.5)


if __name__ == "__main__":
    main(*sys.argv[1:3])
