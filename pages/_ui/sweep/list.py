"""The sweeps of this data folder, newest first, and templates for the first one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import formatting, fragments, layout, replay_card
from pages._ui.formatting import Badge
from pages._ui.sweep import (
    form as sweep_form,
    formatting as sweep_formatting,
    launch as sweep_launch,
    manage as sweep_manage,
    probes as sweep_probes,
    query_params as sweep_query_params,
)
from pages._ui.sweep.rows import sweep_rows
from rivya_core import Lab
from rivya_core.lab.drafts import sweep_drafts
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.drafts.sweep_drafts import AxisDraft, SweepDraft

PAGE_ROWS = 10
TICK_S = 2.0

EXAMPLE = SweepDraft(
    name="Fox or heron, and how much guidance",
    question="Which animal reads better on the ice, and does cfg_scale change anything?",
    base=Draft(
        prompt="{{animal}} crossing a frozen lake at dawn, breath visible in the cold air, handheld, soft back light"
    ),
    axes=(
        AxisDraft("variable", "animal", text="fox = A red fox\nheron = A grey heron"),
        AxisDraft("param", "cfg_scale", text="0, 1"),
    ),
)


def draw(lab: Lab) -> None:
    """Draw the list, or what to begin with when it is empty."""
    replay_card.draw(lab)
    if layout.can_spend():
        _new(lab)
    else:
        layout.only_for("Lab.start", "start sweeps")
    label, hidden = sweep_manage.filters(lab)
    page = max(1, int(st.session_state.get("sweep_list_page", 1)))
    records = lab.sweeps.list(limit=PAGE_ROWS + 1, offset=(page - 1) * PAGE_ROWS, hidden=hidden, label=label)
    if not records and page == 1:
        if label is None and not hidden and not sweep_manage.hides(lab):
            _empty(lab)
            return
        st.caption("No sweep to show here.")
    ids = [record.id for record in records[:PAGE_ROWS]]
    ticks = any(sweep_formatting.moves(lab, lab.sweeps.brief(id_)) for id_ in ids)
    if ticks:
        fragments.live_part(_rows, shown=True, every_s=TICK_S)(ids)
    elif ids:
        _rows(ids)
    if page > 1 or len(records) > PAGE_ROWS:
        pages = page + (1 if len(records) > PAGE_ROWS else 0)
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.pagination(pages, key="sweep_list_page")
    if layout.can_spend():
        ready = st.expander("Templates", key="sweep_ready", on_change="rerun")
        if ready.open:
            with ready:
                _ready_made(lab)


def _rows(ids: Sequence[str]) -> bool:
    """Draw the rows; whether one of them is at work."""
    if sweep_query_params.opened():  # a row was opened in this part, and the page is still the list
        st.rerun()
    lab = layout.lab()
    statuses = [lab.sweeps.brief(id_) for id_ in ids]
    sweep_rows(lab, statuses, sweep_query_params.to_experiment, key="sweep_rows")
    return any(sweep_formatting.moves(lab, status) for status in statuses)


def back() -> None:
    """Draw the way back to the list."""
    st.button(
        "All sweeps",
        icon=":material/arrow_back:",
        type="tertiary",
        key="sweep_back",
        on_click=sweep_query_params.to_list,
    )


def _new(lab: Lab) -> None:
    draft = sweep_drafts.load(lab)
    with st.container(horizontal=True, vertical_alignment="center", key="sweep_new_row"):
        if draft.is_empty:
            st.button("New sweep", icon=":material/add:", type="primary", key="sweep_new", on_click=_compose)
        else:
            name = formatting.excerpt(draft.name or draft.base.prompt or "unnamed", 48)
            st.button(
                f"Continue draft: {name}",
                icon=":material/edit_note:",
                type="primary",
                key="sweep_draft",
                on_click=_compose,
            )
            st.button("New sweep", icon=":material/add:", key="sweep_new", on_click=_load, args=(SweepDraft(),))


def _empty(lab: Lab) -> None:
    with st.container(border=True, key="sweep_empty", gap="small"):
        layout.card_head("Find out what really makes the difference")
        st.text(
            "A sweep makes one clip, or several takes, of every combination of the values you choose: prompts, "
            "parameters, negative prompts, reference images. You see the price first, clips you already have are reused, and "
            "the grid fills in while you watch or while the tab is closed."
        )
    if layout.can_spend():
        _ready_made(lab)


def _ready_made(lab: Lab) -> None:
    sweep_launch.refusal()
    with st.container(border=True, key="sweep_example", gap="small"):
        layout.card_head(
            "2 prompts \N{MULTIPLICATION SIGN} 2 cfg_scale", Badge("4 combinations", ":material/grid_view:", "gray")
        )
        st.text(
            "A fox and a heron, each at cfg_scale 0 and 1: a small first grid. Nothing starts until you press Start."
        )
        st.button("Use template", icon=":material/tune:", key="sweep_use_example", on_click=_load, args=(EXAMPLE,))
    sweep_probes.ready_made(lab)


def _compose() -> None:
    sweep_query_params.to_form()


def _load(draft: SweepDraft) -> None:
    lab = layout.lab()
    fresh = SweepDraft(
        **{name: getattr(draft, name) for name in ("name", "question", "base", "axes", "paired", "takes")}
    )
    sweep_form.show(lab, fresh, undo=True)
    _compose()
