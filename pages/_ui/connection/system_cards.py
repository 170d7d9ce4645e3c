"""The cards of the Connection page about this program: its health, its folder, how to connect a key."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._ui import card
from pages._ui.facts import Fact, facts
from pages._ui.words import Badge
from rivya_core import Lab

FOLDER_SEEN_S = 60
WELL = Badge("All well", ":material/check:", "green")
DOWN = Badge("Something is down", ":material/error:", "red")
VIEWER_NOTE = (
    "That one opened the data folder first. Here you can see everything, submit and cancel; "
    "this process takes over when the other one ends."
)


def health_card(lab: Lab) -> None:
    """Say whether the parts of this program work."""
    health = lab.health()
    with st.container(border=True, key="health_card"):
        card.head("Health", WELL if health.ok else DOWN)
        facts(
            [
                Fact("Database", "Answers" if health.database == "ok" else health.database),
                Fact("Jobs", *_jobs_words(health.engine)),
                Fact("Version", health.version),
            ],
            key="health_facts",
        )


def _jobs_words(engine: str) -> tuple[str, str]:
    if engine == "running":
        return "Run in this process", "They go on without a browser, and after a restart."
    if engine.startswith("viewer"):
        return (
            "Run in another process",
            VIEWER_NOTE,
        )
    return engine, ""


def folder_card(lab: Lab) -> None:
    """Say where everything is kept and how much there is."""
    folder = lab.settings.data_dir.expanduser()
    database_bytes, archive_bytes, files = _sizes(str(folder))
    with st.container(border=True, key="folder_card"):
        card.head("Data folder")
        st.code(str(folder), language=None, wrap_lines=True)
        facts(
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
            card.head("Change the key, or go back to the simulator")
            st.text("Stop the program, then start it with another key:")
            st.code("export RIVYA_API_KEY=rvya_sk_…\nmake run", language="bash", wrap_lines=True)
            st.text("or without one:")
            st.code("unset RIVYA_API_KEY RIVYA_BASE_URL\nmake run", language="bash", wrap_lines=True)
        else:
            card.head("Connect your key")
            st.text("Make a key in Rivya's settings, stop the program, and start it with the key:")
            st.code("export RIVYA_API_KEY=rvya_sk_…\nmake run", language="bash", wrap_lines=True)
            st.text("For a server at another address that honours the same contract, set the address as well:")
            st.code("export RIVYA_BASE_URL=https://example.com", language="bash", wrap_lines=True)
        st.caption(
            "The key is read from the environment only. It is never stored, shown or logged. Generations made on the other "
            "connection stay in History, and those still open wait until that connection is back: they are never sent here."
        )
