"""The card of the processes that share a database: who runs the jobs, since when nothing was heard of them, what differs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import formatting, fragments, layout, outage
from pages._ui.components.data_table import Cell, Column, data_table
from rivya_core import Lab
from rivya_core.lab.ledger.given_up import GivenUpWorker
from rivya_core.lab.ledger.processes import CLOCK_OFF_MAX_S, Processes
from rivya_core.lab.ledger.workers import GAP_BEATS, WORKER, WorkerRecord

TICK_S = 5.0
GIVEN_UP_SHOWN = 5
COLUMNS = (Column("Process"), Column("Last heard", "word"), Column("Clock", "word"), Column("Generations", "number"))
RUNS = formatting.Badge("Jobs run", ":material/check:", "green")
SILENT = formatting.Badge("A worker is silent", ":material/hourglass_empty:", "orange")
WAITS = formatting.Badge("No worker runs", ":material/error:", "red")
DIFFERS = formatting.Badge("Differs", ":material/difference:", "orange")
SETTINGS = {
    "daily_cap_credits": "RIVYA_DAILY_CAP_CREDITS",
    "max_creates_in_flight": "RIVYA_MAX_CREATES_IN_FLIGHT",
    "poll_reads_per_s": "RIVYA_POLL_READS_PER_S",
}


def workers_card(lab: Lab) -> None:
    """Draw the card; nothing where one process does all."""
    if not lab.settings.is_shared:
        return
    with st.container(border=True, key="workers_card"):
        fragments.part(_processes, TICK_S)(lab)


def _processes(lab: Lab) -> None:
    found = lab.health().processes
    if found is None:
        st.caption(outage.WORDS)
        return
    silent = {one.id for one in found.workers if one.silent_s >= GAP_BEATS * lab.settings.worker_beat_s}
    layout.card_head("Workers and dashboards", WAITS if not found.workers else SILENT if silent else RUNS)
    if not found.workers:
        st.text("Nothing is sent and nothing is fetched. What was submitted waits until a worker starts:")
        st.code("python -m rivya_core.worker", language="bash")
    data_table("The processes that share the database", COLUMNS, _rows(found.known, silent), key="workers_table")
    if silent:
        st.text(f"A worker that is silent for {found.silent_s:g} s counts as gone, and others finish its generations.")
    for said in _differences(found):
        layout.remark(DIFFERS, said)
    _given_up(found)


def _rows(known: Sequence[WorkerRecord], silent: set[str]) -> list[list[Cell | str]]:
    return [
        [
            Cell(one.id, note=f"{_does(one)}{', silent' if one.id in silent else ''}, version {one.version}"),
            f"{one.silent_s:.0f} s ago",
            Cell(_clock(one.clock_off_s)),
            f"{one.rows_held:,}" if one.role == WORKER else "",
        ]
        for one in known
    ]


def _given_up(found: Processes) -> None:
    """Say which workers were given up in the last day, and what became of their generations."""
    if not found.given_up:
        return
    st.caption("Given up in the last 24 hours")
    with st.container(key="given_up", gap="xsmall"):
        for one in found.given_up[:GIVEN_UP_SHOWN]:
            st.text(_ending(one, is_back=any(known.id == one.id for known in found.known)))
    more = len(found.given_up) - GIVEN_UP_SHOWN
    if more > 0:
        st.caption(f"And {more:,} before them.")


def _ending(one: GivenUpWorker, *, is_back: bool) -> str:
    """Tell of one worker that was given up."""
    said = f"Process {one.pid} on {one.host}, {formatting.clock(one.at)}."
    if is_back:
        said = f"{said} It is back."
    if not one.rows_held:
        return f"{said} It held no generation."
    now = [f"{count:,} with {id_}" for id_, count in sorted(one.held_by.items())]
    now += [f"{one.waiting:,} waiting for a worker"] if one.waiting else []
    now += [f"{one.ended:,} ended"] if one.ended else []
    held = "1 generation" if one.rows_held == 1 else f"{one.rows_held:,} generations"
    return f"{said} It held {held}, now: {', '.join(now)}."


def _does(one: WorkerRecord) -> str:
    return "Runs jobs" if one.role == WORKER else "Shows pages"


def _clock(off_s: float) -> str:
    """Write how far a clock is from the database's; what a network's delay explains counts as none."""
    if abs(off_s) < 1:
        return "Agrees"
    return f"{abs(off_s):,.0f} s {'ahead' if off_s > 0 else 'behind'}"


def _differences(found: Processes) -> list[str]:
    """Say which settings and clocks differ, and what holds."""
    said = [
        f"{SETTINGS.get(name, name)} differs between the processes: {_values(values)}. The smallest holds for all."
        for name, values in found.differences.items()
    ]
    late = [one for one in found.alive if abs(one.clock_off_s) > CLOCK_OFF_MAX_S]
    said += [f"The clock of {one.host} is {_clock(one.clock_off_s)}. Set it by a time server." for one in late]
    said += found.warnings
    versions = sorted({one.version for one in found.alive})
    if len(versions) > 1:
        said.append(f"Different versions are at work: {', '.join(versions)}. Bring all to the newest.")
    return said


def _values(values: dict[str, float | None]) -> str:
    """Write each value once, with how many processes have it."""
    counts: dict[str, int] = {}
    for value in values.values():
        word = "no limit" if value is None else f"{value:,g}"
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{word} in {count}" for word, count in counts.items())
