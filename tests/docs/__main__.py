"""Make anew what stands in `docs/`: `python -m tests.docs`, or only `show`, `pictures` or `film`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.docs import example_show, moving_picture, pictures

DOCS = Path(__file__).resolve().parents[2] / "docs"


def show(work: Path) -> list[Path]:
    """Write the example show."""
    (DOCS / example_show.NAME).unlink(missing_ok=True)
    return [example_show.write(work, DOCS / example_show.NAME)]


def film(work: Path) -> list[Path]:
    """Write the moving picture."""
    return [moving_picture.write(work, DOCS)]


def still(work: Path) -> list[Path]:
    """Write the pictures."""
    return pictures.write(work, DOCS)


PARTS: dict[str, Callable[[Path], list[Path]]] = {"pictures": still, "film": film, "show": show}

if __name__ == "__main__":
    for name in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory() as work:
            for written in PARTS[name](Path(work)):
                print(f"{written.name} {written.stat().st_size / 1e3:,.0f} kB", flush=True)
