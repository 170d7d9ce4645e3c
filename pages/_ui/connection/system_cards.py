"""The cards of the Connection page about this program: its health, its folder, how to connect a key."""

from __future__ import annotations

import shlex
from pathlib import Path

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.components.fact_list import Fact, fact_list
from pages._ui.formatting import Badge
from rivya_core import Lab
from rivya_core.lab.ledger.processes import NO_WORKER, NOT_KNOWN
from rivya_core.lab.ledger.records import BalanceRecord, Health
from rivya_core.mode_words import ModeWord
from rivya_core.private_files import readers_of

FOLDER_SEEN_S = 60
ANSWERER: dict[ModeWord, str] = {"live": "Rivya", "simulated": "Simulator", "replay": "Recording"}
WELL = Badge("All well", ":material/check:", "green")
DOWN = Badge("Something is down", ":material/error:", "red")
UNANSWERED = Badge("Runs, no answer yet", ":material/hourglass_empty:", "gray")
UNWELL = Badge("Runs, but the last check failed", ":material/warning:", "orange")
VIEWER_NOTE = (
    "That one opened the data folder first. Here you can see everything, submit and cancel; "
    "this process takes over when the other one ends."
)
READ_ONLY_NOTE = "This server is read-only: here you can see everything, and nothing is submitted or run."
STUCK_NOTE = "What waits is stored and stays. The program's log says more; it is tried again by itself."
ERROR_NOTE = "It is tried again by itself, later each time. The program's log says where it happened."
CLOSE_IT = "It holds prompts, images and clips, but no key. To keep others out:"
STOPPED_NOTE = "Start the program again; open generations go on then."
JOBS = {
    "running": ("Run in this process", "Clips are made with no page open, and after a restart."),
    "stopped": ("Stopped", STOPPED_NOTE),
    NO_WORKER: ("Not running", f"{NO_WORKER[0].upper()}{NO_WORKER[1:]}."),
    NOT_KNOWN: ("Not known", "The database does not answer."),
}
TROUBLE = ("Has a problem", "The top of this page says which.")
WORKERS_NOTE = "This process shows pages, submits and cancels."


def health_card(lab: Lab) -> None:
    """Say whether the parts of this program work."""
    health = lab.health()
    balance = lab.balance()
    with st.container(border=True, key="health_card"):
        layout.card_head("Health", _chip(health, balance))
        fact_list(
            [
                Fact("Database", *(("Answers", "") if health.database == "ok" else TROUBLE)),
                Fact("Bucket", *_bucket_words(lab, health)),
                Fact("Daily copy", "" if health.copy == "ok" else formatting.sentences(health.copy)),
                Fact("Jobs", *jobs_words(health.engine)),
                Fact(ANSWERER[lab.mode_word], *_answers(balance)),
                Fact("Version", health.version),
            ],
            key="health_facts",
        )


def _bucket_words(lab: Lab, health: Health) -> tuple[str, str]:
    if not lab.settings.archive_url:
        return "", ""
    return ("No fault known", "") if health.archive == "ok" else TROUBLE


def jobs_words(engine: str) -> tuple[str, str]:
    """Say whether jobs run, in a few words and a sentence, by what the lab's health says of its engine."""
    if engine.startswith("run by"):
        return engine.capitalize(), WORKERS_NOTE
    if engine.startswith("viewer"):
        return ("Not run here", READ_ONLY_NOTE) if "read-only" in engine else ("Run in another process", VIEWER_NOTE)
    if engine.startswith("silent"):
        return "Not running", engine.partition(": ")[2]
    if engine.startswith("unexpected error"):
        return "Run, with errors", formatting.sentences(engine.partition(": ")[2], ERROR_NOTE)
    if engine.startswith("cannot start"):
        return "Cannot start", formatting.sentences(engine.partition(": ")[2], STUCK_NOTE)
    return JOBS.get(engine, (engine, ""))


def _chip(health: Health, balance: BalanceRecord) -> Badge:
    """Call all well only what was asked and has answered."""
    if not health.ok:
        return DOWN
    if balance.error is not None:
        return UNWELL
    return UNANSWERED if balance.asked_at is None else WELL


def _answers(balance: BalanceRecord) -> tuple[str, str]:
    if balance.error is not None:
        return "The last check failed", formatting.sentences(balance.error.title)
    return ("No answer yet", "") if balance.asked_at is None else ("Answers", "")


def folder_card(lab: Lab) -> None:
    """Say where everything is kept and how much there is."""
    if lab.settings.archive_url:
        _bucket_card(lab)
        return
    folder = lab.settings.data_dir.expanduser()
    database_bytes, archive_bytes, files = _sizes(str(folder))
    with st.container(border=True, key="folder_card"):
        layout.card_head("Data folder")
        st.code(str(folder), language=None, wrap_lines=True)
        readers = readers_of(folder)
        if readers:
            st.warning(f"{readers} {CLOSE_IT}", icon=":material/visibility:")
            st.code(f"chmod 700 {shlex.quote(str(folder))}", language="bash", wrap_lines=True)
        fact_list(
            [
                Fact("Clips and pictures", size(archive_bytes), f"{files:,} files"),
                Fact("Database file", size(database_bytes)),
                Fact("Free on this disk", size(lab.archive.free_bytes())),
            ],
            key="folder_facts",
        )
        st.caption(
            "To back it up or move it, stop the program, copy the whole folder, and set RIVYA_DATA_DIR to its new place."
        )


def _bucket_card(lab: Lab) -> None:
    """Say which bucket holds the clips; its figures are the ledger's, since counting its objects takes requests."""
    clips, clips_bytes = lab.history.clips_kept()
    database_bytes, _, _ = _sizes(str(lab.settings.data_dir.expanduser()))
    with st.container(border=True, key="folder_card"):
        layout.card_head("Bucket")
        st.code(lab.settings.archive_url, language=None, wrap_lines=True)
        fact_list(
            [
                Fact("Clips", size(clips_bytes), f"{clips:,} files"),
                Fact("Database file", "" if lab.settings.is_shared else size(database_bytes)),
                Fact("Free on this disk", size(lab.archive.free_bytes()), "for clips on their way"),
            ],
            key="folder_facts",
        )
        st.caption("To back it up, copy the bucket and the database. Local copies of clips need no backup.")


@st.cache_data(ttl=FOLDER_SEEN_S, show_spinner=False, max_entries=4)
def _sizes(folder: str) -> tuple[int, int, int]:
    """Bytes of the database, bytes of the archive, files in the archive; looked up once a minute."""
    root = Path(folder)
    database = sum(path.stat().st_size for path in root.glob("lab.sqlite3*"))
    sizes = [path.stat().st_size for path in (root / "archive").rglob("*") if path.is_file()]
    return database, sum(sizes), len(sizes)


def size(number_bytes: int) -> str:
    """Write a size in the unit that fits it."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number_bytes >= step:
            return f"{number_bytes / step:,.1f} {unit}"
    return f"{number_bytes} bytes"


def key_card(lab: Lab) -> None:
    """Say how to connect a key, or how to go back to the simulator."""
    with st.container(border=True, key="key_card"):
        if lab.mode == "live":
            layout.card_head("Change the key, or go back to the simulator")
            st.text("Stop the program, then start it with another key:")
            st.code("export RIVYA_API_KEY=rvya_sk_…\nmake run", language="bash", wrap_lines=True)
            st.text("or without one:")
            st.code("unset RIVYA_API_KEY RIVYA_BASE_URL\nmake run", language="bash", wrap_lines=True)
        elif lab.settings.simulated:
            layout.card_head("Connect your key")
            st.text("Make a key in Rivya's settings, and start the program with the key instead of the simulator:")
            st.code(
                "unset RIVYA_BASE_URL RIVYA_SIMULATED\nexport RIVYA_API_KEY=rvya_sk_…\nmake run",
                language="bash",
                wrap_lines=True,
            )
        else:
            layout.card_head("Connect your key")
            st.text("Make a key in Rivya's settings, stop the program, and start it with the key:")
            st.code("export RIVYA_API_KEY=rvya_sk_…\nmake run", language="bash", wrap_lines=True)
            st.text("For a server at another address that honours the same contract, set the address as well:")
            st.code("export RIVYA_BASE_URL=https://example.com", language="bash", wrap_lines=True)
        st.caption(
            "The key is read from the environment, or from .streamlit/secrets.toml in the program's folder; the dashboard "
            "never stores, shows or logs it. Generations made on the other connection stay in History, and those still open "
            "wait until that connection is back: they are never sent here."
        )
