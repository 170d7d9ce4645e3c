"""The card of one finished clip: player, its facts, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._ui import formatting, generation_actions, layout, query_params
from pages._ui.add_to_show import menu as show_menu, outcome as show_outcome
from pages._ui.components.copy_link import copy_link
from pages._ui.components.player import player
from rivya_core import GenerationRecord, Lab

PLAYER = "clip"
"""The player's key: one element for whatever clip is shown."""
PLACEHOLDER = "Placeholder scene: the simulator does not draw your prompt."


def clip_card(
    lab: Lab,
    record: GenerationRecord,
    title: str,
    *,
    mark: str,
    chosen_ms: int,
    on_latest: Callable[[], None] | None,
    below: Callable[[], None],
) -> bool:
    """Draw what the card holds; True while its clip is watched.

    Args:
        lab: The lab.
        record: The generation whose clip is shown.
        title: The card's heading.
        mark: What the clip says of itself where live and simulated stand side by side.
        chosen_ms: The moment of the last choice of a clip, as the player takes it.
        on_latest: Offered when a newer clip waits to be seen.
        below: Draws what belongs right under the player.
    """
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
            layout.state_badge(record)
            copy_link(query_params.permanent_link(record.id), key="clip_link")
    watched = player(record, key=PLAYER, mark=mark, autoplay=True, choice_ms=chosen_ms)
    playing = lab.cassettes.playing
    if record.mode == "simulated" and (playing is None or playing.cassette.mode == "simulated"):
        with st.container(key="muted_placeholder"):
            st.text(PLACEHOLDER)
    with st.container(key="slot_takes"):
        below()
    with st.container(gap="xxsmall"):
        st.text(formatting.excerpt(record.prompt, 240))
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="muted_clip"
        ):
            st.text(facts(record, marked=bool(mark)), width="content")
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
                generation_actions.use_part_menu(record, key="clip")
                show_menu.add_menu(lab, [record.id], key="clip")
    with st.container(horizontal=True, key="clip_actions", gap="xsmall"):
        generation_actions.download_menu(record, key="clip")
        generation_actions.compare_button(record, key="clip")
        generation_actions.repeat_button(lab, record, key="clip")
        generation_actions.use_settings_button(record, key="clip")
        generation_actions.copy_menu(lab, record, key="clip")
    show_outcome.draw(show_menu.place("clip", [record.id]))
    generation_actions.repeat_note(lab, record, key="clip")
    return watched


def facts(record: GenerationRecord, *, marked: bool = True) -> str:
    """Write what is known of a clip in one line; ``marked``: say of simulated credits that they are."""
    picture = f"{record.clip_width_px}\N{MULTIPLICATION SIGN}{record.clip_height_px} px" if record.clip_width_px else ""
    paid = record.final_credits if record.final_credits is not None else record.reserved_credits
    price = formatting.credits(paid) + (" (provisional)" if record.settlement == "provisional" else "")
    if marked and record.mode_word != "live":
        price = f"{price}, {record.mode_word}"
    return " · ".join(
        part
        for part in (
            record.model,
            formatting.shape(record),
            f"take {record.take}" if record.take > 1 else "",
            picture,
            price if paid is not None else "",
            formatting.clock(record.finished_at or record.created_at),
        )
        if part
    )
