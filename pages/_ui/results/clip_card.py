"""The card of one finished clip: player, its facts, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._ui import actions, frame, words
from pages._ui.player import player
from rivya_core import GenerationRecord, Lab


def clip_card(lab: Lab, record: GenerationRecord, title: str, *, on_latest: Callable[[], None] | None = None) -> bool:
    """Draw the card; True while its clip plays. ``on_latest``: offered when a newer clip waits to be seen."""
    with st.container(border=True, key="clip_card", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.header(title, anchor=False, width="content")
            with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
                if on_latest is not None:
                    st.button(
                        "Show the latest",
                        icon=":material/skip_next:",
                        type="tertiary",
                        on_click=on_latest,
                        key="show_latest",
                    )
                if record.mode == "simulated":
                    frame.mode_badge(record.mode)
                frame.state_badge(record)
        playing = player(record, key="clip")
        with st.container(gap="xxsmall"):
            st.text(words.excerpt(record.prompt, 240))
            with st.container(key="muted_clip"):
                st.text(facts(record))
        with st.container(horizontal=True, key="clip_actions", gap="xsmall"):
            actions.download_link(record)
            actions.compare_button(record, key="clip")
            actions.repeat_button(lab, record, key="clip")
            actions.use_settings_button(record, key="clip")
            actions.copy_menu(lab, record, key="clip")
        actions.repeat_note(lab, record, key="clip")
    return playing


def facts(record: GenerationRecord) -> str:
    """Write what is known of a clip in one line."""
    picture = f"{record.clip_width_px}\N{MULTIPLICATION SIGN}{record.clip_height_px} px" if record.clip_width_px else ""
    paid = record.final_credits if record.final_credits is not None else record.reserved_credits
    price = words.credits(paid) + (" (provisional)" if record.settlement == "provisional" else "")
    if record.mode == "simulated":
        price = f"{price}, simulated"
    return " · ".join(
        part
        for part in (
            record.model,
            words.shape(record),
            f"take {record.take}" if record.take > 1 else "",
            picture,
            price if paid is not None else "",
            words.clock(record.finished_at or record.created_at),
        )
        if part
    )
