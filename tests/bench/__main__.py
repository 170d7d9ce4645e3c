"""Run the subjects named on the command line, or all, each in a process of its own; print the table, write the JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from tests.bench import fresh
from tests.bench.figures import Figure, as_json, circumstances, table

SUBJECTS = (
    "reads",
    "uploads",
    "imports",
    "polling",
    "thousand",
    "submits",
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
    "votes",
    "features",
    "clips",
    "calibration",
)
FOLDER = fresh.ROOT / "bench-results"


def measure(subject: str) -> list[dict[str, Any]]:
    """Run one subject in a new process; its figures as mappings."""
    found: list[dict[str, Any]] = fresh.run("tests.bench.__main__:figures_of", subject=subject)
    return found


def figures_of(subject: str) -> list[dict[str, Any]]:
    """Run one subject here."""
    import importlib  # noqa: PLC0415 - a subject loads only what it measures

    return as_json(importlib.import_module(f"tests.bench.{subject}").figures())


def main() -> int:
    """Measure and report; 1 when a subject could not be measured. A missed target is told, not punished."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("subjects", nargs="*", metavar="subject", help=f"of {', '.join(SUBJECTS)}; default all")
    wanted = parser.parse_args().subjects or list(SUBJECTS)
    unknown = sorted(set(wanted) - set(SUBJECTS))
    if unknown:
        parser.error(f"no such subject: {', '.join(unknown)}")
    start, figures, failed = circumstances(), [], {}
    for subject in wanted:
        began_s = time.monotonic()
        print(f"{subject} ...", end=" ", flush=True, file=sys.stderr)
        try:
            measured = measure(subject)
        except RuntimeError as error:
            failed[subject] = str(error)
            print(f"failed: {error}", file=sys.stderr)
            continue
        figures += [Figure(**{key: value for key, value in item.items() if key != "met"}) for item in measured]
        print(f"{time.monotonic() - began_s:.0f} s", file=sys.stderr)
    end = circumstances()
    print(table(figures))
    print(
        f"\n{start['cores']} cores, Python {start['python']}, load average {start['load_1min']} at the start and "
        f"{end['load_1min']} at the end, a fixed piece of work {start['unit_ms']} and {end['unit_ms']} ms: with others at work "
        "trust ratios only."
    )
    FOLDER.mkdir(exist_ok=True)
    name = f"{start['at'].replace(':', '')[:17]}.json"
    report = {"start": start, "end": end, "figures": as_json(figures), "failed": failed}
    (FOLDER / name).write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"bench-results/{name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
