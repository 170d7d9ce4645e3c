"""What went wrong in a sweep: one line with the way to it, however many of its clips failed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import direction, formatting, generation_actions, layout
from rivya_core.lab.ledger.history.history import SweepTrouble

MOST = 4


def draw(troubles: Sequence[SweepTrouble]) -> None:
    """Draw a line for each sweep, the newest trouble first."""
    if not troubles:
        return
    with st.container(border=True, key="sweep_troubles", gap="small"):
        for trouble in troubles[:MOST]:
            _line(trouble)
        if len(troubles) > MOST:
            st.page_link(layout.page_file("sweep"), label=f"{len(troubles) - MOST} more sweeps", width="content")


def _line(trouble: SweepTrouble) -> None:
    key = trouble.experiment_id
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"sweep_trouble_{key}"):
        st.text(sentence(trouble), width="stretch")
        st.page_link(
            layout.page_file("sweep"), label="Open the sweep", query_params={"experiment": key}, width="content"
        )
        if trouble.failed and not layout.lab().settings.read_only:
            st.button(
                "Dismiss",
                icon=":material/close:",
                type="tertiary",
                key=f"dismiss_sweep_{key}",
                on_click=generation_actions.dismiss,
                args=(trouble.failed,),
                help="Puts the failed clips away here; they stay in the sweep and in History.",
            )


def sentence(trouble: SweepTrouble) -> str:
    """Say how many clips of a sweep failed, and how many need a person."""
    failed, waiting = len(trouble.failed), trouble.waiting
    said = [f"{_clips(failed)} failed"] if failed else []
    if waiting:
        said.append(f"{waiting if said else _clips(waiting)} {'needs' if waiting == 1 else 'need'} attention")
    return f"Sweep {direction.within(formatting.excerpt(trouble.name, 60))}: {', '.join(said)}."


def _clips(count: int) -> str:
    return f"{count:,} clip" + ("" if count == 1 else "s")
