"""How the data folder of revision 0006 was filled: run once with the code of commit 6b7b93e, the last one before the rooms moved.

    git worktree add /tmp/old 6b7b93e
    PYTHONPATH=/tmp/old .venv/bin/python tests/lab/ledger/old/make_full.py tests/lab/ledger/old/full.tar.xz

It holds a row in every state a process can leave behind, because the second of two processes is killed in the midst of its
work: POSTs that were and were not heard, a download under way, a task that runs, rows in the queue, a sweep half bought. It
holds as well what people said and set: votes, lines of a ballot, ratings, notes, labels, a decision, shows, caps and drafts.
Clips and posters are left out. ``told.json`` is what the code of then read back, without running anything.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import fields, is_dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image

from rivya_core import GenerationRequest, Labelled, Settings, State, Sweep, open_lab

THEN = "rivya_core.lab."
FILES = ("lab.sqlite3", "simulator/world.sqlite3")
SWEEPS = ("xdone", "xhalf")
PROMPT = "Café at night\nslow pan\n"
DRAFT = {"prompt": "An unfinished thought\n", "values": {"cfg_scale": 0.3}, "takes": 2}
SWEEP_DRAFT: dict[str, Any] = {
    "id": "xdraft",
    "name": "Not started",
    "base": {"prompt": "A {{animal}} in the rain", "values": {"duration": "5"}},
    "axes": [{"kind": "variable", "key": "animal", "text": "fox\nowl = a barn owl"}],
    "takes": 2,
    "cap_credits": 900,
}


def settings(folder: Path, **changes: Any) -> Settings:
    """Settings under which a simulated generation takes a second."""
    values: dict[str, Any] = {
        "data_dir": folder,
        "first_start_examples": False,
        "simulator_speed": 40,
        "simulator_credits": 9000,
        "poll_first_s": 0.1,
        "poll_min_s": 0.1,
        "poll_max_s": 0.3,
    }
    return Settings(**{**values, **changes})


def until(holds: Callable[[], object]) -> None:
    """Wait for something to come true."""
    ends_s = time.monotonic() + 900
    while not holds():
        if time.monotonic() > ends_s:
            raise TimeoutError
        time.sleep(0.02)


def picture() -> bytes:
    """A small reference image."""
    made = io.BytesIO()
    Image.radial_gradient("L").resize((320, 320)).convert("RGB").save(made, "PNG")
    return made.getvalue()


# -- what the first process did, and closed ----------------------------------------------------------------------------


def first(folder: Path) -> None:
    """Do a day's work: a sweep that is judged and shown, rows that ended in every way, and two that nobody can answer for."""
    lab: Any = open_lab(settings(folder, resend_window_s=0.2, overdue_after_s=0.5, max_creates_in_flight=4))
    world = lab.simulator.world
    base = GenerationRequest(prompt=PROMPT, params={"negative_prompt": "blur\r\n", "cfg_scale": 0.5})
    done = Sweep("Night", "How much freedom?", base, {"cfg_scale": [Labelled(0, "free"), 0.5, 1]}, takes=2)
    lab.start(done, experiment_id="xdone")
    lab.wait_sweep("xdone", 900)
    lab.verdicts.wait("xdone", 900)
    world.add_fault("task_failed", code="generation_failed", message="Refused")
    failed = lab.submit(GenerationRequest(prompt="A storm"), intent_id="failed")
    lab.wait(failed.id, 600)
    picture_path = folder.with_name("fox.png")
    picture_path.write_bytes(picture())
    single = lab.submit(GenerationRequest(prompt="A red fox", reference_image=picture_path), intent_id="single")
    lab.wait(single.id, 600)
    lab.wait(lab.submit(GenerationRequest(prompt="A red fox"), intent_id="again", parent_id=single.id).id, 600)
    leave_unanswered(lab, world)
    say(lab, single.id, failed.id, folder.with_name("unsent.txt"))
    lab.close()


def leave_unanswered(lab: Any, world: Any) -> None:
    """Leave two rows whose POST nobody can answer for, one of them accepted, and a task that nobody watches any more."""
    for intent, fault in (("unheard", "drop_before"), ("unanswered", "drop_after_accept")):
        world.add_fault(fault, route="create", times=None)
        row = lab.submit(GenerationRequest(prompt=f"A lighthouse, {intent}"), intent_id=intent)
        lab.wait(row.id)
        world.clear_faults()
    world.add_fault("never_ready", route="create")
    endless = lab.submit(GenerationRequest(prompt="A glacier"), intent_id="endless")
    until(lambda: lab.get(endless.id).state is State.RUNNING)
    time.sleep(0.6)
    lab.stop_watching(endless.id)


def say(lab: Any, single: str, failed: str, unsent: Path) -> None:
    """Say and set what people say and set."""
    round_id = lab.ballots.start("xdone", "Ana")
    for outcome, whys in (("left", ["motion"]), ("right", []), ("tie", [])):
        ballot = lab.ballots.ballot(round_id)
        lab.ballots.vote(round_id, ballot.left_token, outcome, whys)
    lab.ballots.end(round_id)
    open_round = lab.ballots.start("xdone", "Ben")
    lab.ballots.vote(open_round, lab.ballots.ballot(open_round).left_token, "left", [])
    clips = [take.generation_id for cell in lab.sweep("xdone").cells for take in cell.takes]
    lab.reviews.add_note(clips[0], 1.25, "The sign flickers", "Ana")
    lab.reviews.rate(clips[0], "overall", 4, "Ana")
    lab.reviews.rate(clips[5], "motion", 2, "Ben")
    lab.labels.add("sweep", ["xdone"], "winter")
    lab.labels.add("generation", clips[:2], "keeper")
    lab.star(clips[0], True)
    lab.dismiss(failed)
    lab.sweeps.decide("xdone", {"cell": 1, "title": "cfg_scale 0.5", "why": "calm, and still a pan", "who": "Ben"})
    show = lab.shows.of_sweep("xdone", "Night, decided")
    lab.shows.caption(show.id, show.slides[0].number, "What we asked")
    lab.shows.create("Two cafés", clips[:2], ["first", "second"])
    made = lab.shows.ballots.make("xdone")
    lab.votes.accept(line_of(lab, made.id, "Cleo", "left"))
    unsent.write_text(line_of(lab, made.id, "Dora", "right"), encoding="utf-8")
    lab.set_cap(8000, "A month of it")
    lab.set_cap(7000)
    lab.server.check_contract()
    lab.save_draft(DRAFT)
    lab.ledger.key_value.set("sweep draft", SWEEP_DRAFT)
    lab.cancel(_waiting(lab, "taken back").id)
    lab.delete([single])
    lab.resume()


def _waiting(lab: Any, prompt: str) -> Any:
    lab.pause_queue()
    return lab.submit(GenerationRequest(prompt=prompt), intent_id=prompt.replace(" ", "-"))


def line_of(lab: Any, ballot: str, name: str, outcome: str) -> str:
    """The line of a voter who always answers the same."""
    vote_lines, lines = (import_module(f"{THEN}judging.{module}") for module in ("vote_lines", "ballot_lines"))
    with lab.ledger.reading() as connection:
        row = lines.find(connection, ballot)
    voter = name.ljust(12, "x")
    return str(vote_lines.write(row.key, row.id, voter, [(outcome, ["look"])] * row.plan.pairs, name))


# -- what the second process did when it was killed --------------------------------------------------------------------


def second(folder: Path) -> None:
    """Bring rows into every open state, and die there."""
    lab: Any = open_lab(settings(folder, max_creates_in_flight=2, min_free_disk_bytes=0))
    world = lab.simulator.world
    half_a_sweep(lab)
    world.configure(settle_delay_s=600.0)
    provisional = lab.submit(GenerationRequest(prompt="A pier"), intent_id="provisional")
    lab.wait(provisional.id, 600)
    unsaved = world.add_fault("broken_download", times=None, mode="garbage")
    unsaved_row = lab.submit(GenerationRequest(prompt="A dune"), intent_id="unsaved")
    until(lambda: lab.get(unsaved_row.id).state is State.UNSAVED)
    world.clear_faults()
    world.add_fault("stall_media", times=None, after_bytes=1024, delay_s=600.0)
    saving = lab.submit(GenerationRequest(prompt="A harbor"), intent_id="saving")
    parts = folder / "archive" / "parts"
    until(lambda: list(parts.glob(f"*{saving.id}*")))
    world.configure(work_min_s=40_000.0, work_max_s=40_000.0)
    running = lab.submit(GenerationRequest(prompt="A kite"), intent_id="running")
    until(lambda: lab.get(running.id).state is State.RUNNING)
    world.add_fault("timeout_after_accept", delay_s=600.0)
    accepted = lab.submit(
        GenerationRequest(prompt="A boat", reference_image=folder.with_name("fox.png")), intent_id="accepted"
    )
    until(lambda: accepted.id in {task.idempotency_key for task in world.tasks()})
    slow = world.add_fault("slow", route="create", delay_s=600.0)
    sent = lab.submit(GenerationRequest(prompt="A buoy"), intent_id="sent")
    until(lambda: [fault for fault in world.faults() if fault.id == slow.id and fault.fired])
    for number in (1, 2):
        lab.submit(GenerationRequest(prompt=f"A gull {number}"), intent_id=f"queued{number}")
    time.sleep(2)
    print({row.id: row.state for row in lab.ledger.open_rows()}, unsaved.kind, sent.id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def half_a_sweep(lab: Any) -> None:
    """Two of six takes reused, one bought, two queued while the sweep is paused, one only planned."""
    base = GenerationRequest(prompt=PROMPT, params={"negative_prompt": "blur"})
    half = Sweep("Colder", "", base, {"cfg_scale": [0, 0.5, 0.6, 0.7, 0.8, 0.9]}, cap_credits=160, parent_id="xdone")
    lab.start(half, experiment_id="xhalf", only_what_fits=True)
    lab.wait_sweep("xhalf", 600)
    lab.sweeps.set_cap("xhalf", 480, "Two more")
    lab.pause_queue()
    lab.sweeps.start_rest("xhalf", only_what_fits=True)
    lab.sweeps.pause("xhalf")
    lab.resume()


# -- what is kept ------------------------------------------------------------------------------------------------------


def read_back(lab: Any) -> dict[str, Any]:
    """Everything that a read-only lab tells of the folder, but what depends on the moment; by public names alone."""
    rows = list(lab.history.export_rows())
    ids = [row.id for row in rows]
    shows = {show.id: lab.shows.data(show.id) for show in lab.shows.list()}
    told = {
        "rows": {row.id: row for row in rows},
        "events": {id_: lab.events(id_) for id_ in ids},
        "movements": {id_: lab.movements(id_) for id_ in ids},
        "sweeps": {id_: lab.sweep(id_) for id_ in SWEEPS},
        "cast": lab.votes.cast("xdone"),
        "lines": lab.votes.lines("xdone"),
        "ranking": lab.votes.ranking("xdone"),
        "finding": lab.verdicts.finding("xdone"),
        "notes": lab.reviews.notes(ids),
        "ratings": lab.reviews.ratings(ids),
        "labels": [lab.labels.of("sweep", SWEEPS), lab.labels.of("generation", ids)],
        "shows": shows,
        "cap": lab.cap(),
        "caps": lab.spending.cap_changes("simulated"),
        "spent": lab.spending.spent("simulated"),
        "costs": lab.spending.experiments("simulated"),
        "contract": lab.server.contract(),
        "draft": lab.draft(),
    }
    found: dict[str, Any] = _plain(told)
    return found


def _plain(value: Any) -> Any:
    """Write a value as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain({field.name: getattr(value, field.name) for field in fields(value)})
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(item) for item in value)
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def pack(folder: Path, into: Path, told: dict[str, Any]) -> None:
    """Keep the databases without their free pages, the reference images, and what was read back."""
    with tarfile.open(into, "w:xz", preset=9) as packed:
        for name in FILES:
            part = folder / f"{name}.part"
            with closing(sqlite3.connect(folder / name)) as connection:
                connection.execute("VACUUM INTO ?", (str(part),))
            packed.add(part, name)
            part.unlink()
        for image in sorted((folder / "archive").glob("images/**/*.png")):
            packed.add(image, image.relative_to(folder).as_posix())
        data = json.dumps(told, ensure_ascii=False).encode()
        entry = tarfile.TarInfo("told.json")
        entry.size = len(data)
        packed.addfile(entry, io.BytesIO(data))


def main(into: Path) -> None:
    """Fill, kill, read, pack."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "data"
        for phase in ("first", "second"):
            done = subprocess.run([sys.executable, __file__, phase, str(folder)], check=False)
            if done.returncode not in {0, -signal.SIGKILL}:
                raise SystemExit(done.returncode)
        pack(folder, into, {})
        with open_lab(settings(folder, read_only=True)) as lab:
            told = read_back(lab) | {"unsent": folder.with_name("unsent.txt").read_text(encoding="utf-8")}
        with tempfile.TemporaryDirectory() as again, tarfile.open(into) as packed:
            packed.extractall(again, filter="data")
            pack(Path(again), into, told)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        {"first": first, "second": second}[sys.argv[1]](Path(sys.argv[2]))
    else:
        main(Path(sys.argv[1]))
