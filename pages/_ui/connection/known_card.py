"""The card of what is known of this server: every open question of its documentation, with what was observed since."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import addresses, formatting, layout
from pages._ui.components.data_table import Cell, Column, data_table
from rivya_core import Lab
from rivya_core.lab.ledger.observations.questions import Observation

COLUMNS = (Column("Question"), Column("Observed"), Column("Times", "number"), Column("Last seen", "word"))


def known_card(lab: Lab) -> None:
    """Draw the table; what nobody saw yet stands below it."""
    found = lab.server.observations()
    with st.container(border=True, key="known_card"):
        layout.card_head("What is known of this server")
        st.text("The documentation leaves these open. Normal work fills them in, for this connection.")
        seen = [one for one in found if one.seen]
        if seen:
            data_table(
                "What was observed of this server", COLUMNS, _rows(seen, mixed=lab.mode == "live"), key="known_table"
            )
        else:
            st.text("Nothing observed yet.")
        open_questions = [one.title for one in found if not one.seen]
        if open_questions:
            with st.expander(f"Not observed yet: {len(open_questions)}"):
                for title in open_questions:
                    st.text(title)
        st.link_button("CSV", addresses.export("server.csv"), icon=":material/download:", key="export_known")


def _rows(seen: Sequence[Observation], *, mixed: bool) -> list[list[Cell | str]]:
    return [
        [
            one.title,
            Cell(one.answer, note="simulated" if mixed and one.simulated else ""),
            f"{one.seen:,}",
            formatting.clock(one.last_at),
        ]
        for one in seen
    ]
