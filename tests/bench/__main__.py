"""Run the subjects named on the command line, or all, each in a process of its own; print each figure as it comes, write the JSON.

Without a subject: all that measure speed and memory, one after the other. ``--calibrate``: instead those that show by simulation
how often the statistics are right, whose figures no machine's speed changes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.bench import fresh
from tests.bench.figures import Figure, as_json, circumstances, from_json, heading, line

SUBJECTS = (
    "reads",
    "uploads",
    "imports",
    "polling",
    "thousand",
    "workers",
    "submits",
    "history",
    "sweeps",
    "idle",
    "start",
    "pages",
    "slides",
    "handing",
    "room",
    "grid",
    "ticks",
    "memory",
    "features",
    "clips",
)
CALIBRATIONS = ("votes", "calibration")
NAMED = ("million",)
"""Only when they are named: each takes as long as all the others."""
FOLDER = fresh.ROOT / "bench-results"


def figures_of(subject: str) -> Iterator[dict[str, Any]]:
    """Run one subject here; its figures as mappings, each when it is known."""
    for figure in importlib.import_module(f"tests.bench.{subject}").figures():
        yield as_json(figure)


def main() -> int:
    """Measure and report; 1 when a subject could not be measured. A missed target is told, not punished."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = (*SUBJECTS, *CALIBRATIONS, *NAMED)
    parser.add_argument("subjects", nargs="*", metavar="subject", help=f"of {', '.join(known)}")
    parser.add_argument("--calibrate", action="store_true", help=f"the same as {' '.join(CALIBRATIONS)}")
    told = parser.parse_args()
    wanted = told.subjects or list(CALIBRATIONS if told.calibrate else SUBJECTS)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        parser.error(f"no such subject: {', '.join(unknown)}")
    start, began_s, failed = circumstances(), time.monotonic(), {}
    figures: list[Figure] = []
    print(heading(), flush=True)
    for subject in wanted:
        subject_began_s = time.monotonic()
        try:
            for one in fresh.each("tests.bench.__main__:figures_of", subject=subject):
                figures.append(from_json(one))
                print(line(figures[-1]), flush=True)
        except RuntimeError as error:
            failed[subject] = str(error)
            print(f"{subject} failed: {error}", file=sys.stderr, flush=True)
        print(f"{subject}: {time.monotonic() - subject_began_s:.0f} s", file=sys.stderr, flush=True)
    end = circumstances()
    print(
        f"\n{(time.monotonic() - began_s) / 60:.1f} minutes, {start['cores']} cores, Python {start['python']}, "
        f"load average {start['load_1min']} at the start and {end['load_1min']} at the end, "
        f"a fixed piece of work {start['unit_ms']} and {end['unit_ms']} ms: with others at work trust ratios only."
    )
    FOLDER.mkdir(exist_ok=True)
    name = f"{start['at'].replace(':', '')[:17]}.json"
    report = {"start": start, "end": end, "figures": [as_json(figure) for figure in figures], "failed": failed}
    (FOLDER / name).write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"bench-results/{name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
