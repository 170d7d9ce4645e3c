"""Make anew what stands in `docs/`: `python -m tests.docs show`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.docs import example_show

DOCS = Path(__file__).resolve().parents[2] / "docs"


def show() -> None:
    """Write the example show."""
    target = DOCS / example_show.NAME
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as work:
        example_show.write(Path(work), target)
    print(f"{target} {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    {"show": show}[sys.argv[1]]()
