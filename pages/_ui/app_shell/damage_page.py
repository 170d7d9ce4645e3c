"""What every page shows while the database is damaged: what is wrong, what was saved, the newest copy, what to do."""

from __future__ import annotations

import shlex
from pathlib import Path

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.components.fact_list import Fact, fact_list
from pages._ui.formatting import Badge
from rivya_core.lab.ledger.backup.damage import Copy, Damage
from rivya_core.lab.ledger.backup.salvage import Missing

LISTED = 50
STOPPED = Badge("Nothing is sent or written", ":material/front_hand:", "orange")


def draw(damage: Damage, *, to_visitors: bool) -> None:
    """Draw the whole page; ``to_visitors``: only that it is so, since they can do nothing about it."""
    with st.container(border=True, key="damage_found"):
        layout.card_head("What is wrong", STOPPED)
        for fault in damage.faults:
            st.text(fault)
        if to_visitors:
            st.text("Whoever runs this server sees more on a server that is not read-only.")
            return
        st.code(str(damage.database), language=None, wrap_lines=True)
    left, right = st.columns(2, gap="medium")
    with left:
        _saved(damage)
        _steps(damage)
    with right:
        _copy(damage.copy)


def _saved(damage: Damage) -> None:
    with st.container(border=True, key="damage_saved"):
        layout.card_head("What could be read")
        fact_list(
            [
                Fact("Generations", f"{len(damage.rows):,}"),
                Fact("Task ids", f"{damage.task_ids:,}"),
                Fact("Credits taken or held", f"{damage.held_credits:,}"),
                Fact("Written to", "" if damage.saved is None else str(damage.saved), copy=True),
            ],
            key="damage_saved_facts",
        )
        if damage.rows and damage.saved is None:
            st.warning("It could not be written to a file. Free some space and open this page again.")


def _copy(copy: Copy | None) -> None:
    with st.container(border=True, key="damage_copy"):
        layout.card_head("Newest copy")
        if copy is None:
            st.text("There is no copy that is whole.")
            return
        fact_list(
            [
                Fact("File", str(copy.path), copy=True),
                Fact("Made", formatting.clock(copy.made_at)),
                Fact("Generations", f"{copy.generations:,}"),
                Fact("It lacks", f"{len(copy.lacks):,} generations" if copy.lacks else "Nothing that could be read"),
            ],
            key="damage_copy_facts",
        )
        if copy.lacks:
            sent = sum(lack.row.was_sent for lack in copy.lacks)
            st.warning(
                f"With this copy the program forgets the generations below. {sent:,} of them were sent to Rivya already: "
                "started again, they are paid again.",
                icon=":material/paid:",
            )
            fact_list([_lack(lack) for lack in copy.lacks[:LISTED]], key="damage_lacks")
            if len(copy.lacks) > LISTED:
                st.caption(f"And {len(copy.lacks) - LISTED:,} older ones; all are in the file of what could be read.")


def _lack(lack: Missing) -> Fact:
    row = lack.row
    told = [lack.why, row.state or "state not readable"]
    if row.held_credits:
        told.append(formatting.credits(row.held_credits))
    return Fact(row.id, row.task_id or "no task id", " · ".join(told), copy=True)


def _steps(damage: Damage) -> None:
    database, folder = damage.database, damage.database.parent
    with st.container(border=True, key="damage_steps"):
        layout.card_head("What to do")
        st.text("1. Stop the program. Keep the damaged file: move it away, with the two files that belong to it.")
        names = [path for path in (database, *_beside(database)) if path.is_file()]
        away = folder / "damaged"
        st.code(
            f"mkdir -p {_quoted(away)}\nmv {' '.join(_quoted(name) for name in names)} {_quoted(away)}",
            language="bash",
            wrap_lines=True,
        )
        if damage.copy is None:
            st.text(
                "2. Start the program. It begins with an empty database; clips and saved files stay where they are."
            )
        else:
            st.text("2. Put the newest copy in its place, then start the program.")
            st.code(f"cp {_quoted(damage.copy.path)} {_quoted(database)}", language="bash", wrap_lines=True)
        st.text(
            "3. Before you start a generation again that the copy lacks, look for its task in Rivya's own history: "
            "it may be finished and paid."
        )


def _beside(database: Path) -> list[Path]:
    return [database.with_name(f"{database.name}{ending}") for ending in ("-wal", "-shm")]


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
