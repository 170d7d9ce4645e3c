"""Share in this network: the button that begins it, and the card with the code that phones read, until it is stopped."""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, fragments, layout, undo
from pages._ui.components.copy_link import copy_link
from pages._ui.components.share_code import share_code
from pages._ui.formatting import Badge
from pages._ui.shows import changing, formatting as show_formatting
from pages._ui.undo import Done
from rivya_core import Lab
from rivya_core.api.errors import RivyaError
from rivya_core.lab.shows.room.room import Share

TICK_S = 3.0

_REFUSED = "_show_share_refused"
_OPENS = {"show": "Show", "ballot": "Ballot"}


def button(lab: Lab, show_id: str) -> None:
    """Draw the button that begins to share a show, while it is not shared."""
    if lab.shows.room.current(show_id) is None:
        st.button(
            "Share in this network",
            icon=":material/qr_code_2:",
            key="show_share_start",
            on_click=_start,
            args=(show_id,),
            help="Phones and computers in this network open this show, and nothing else, by a QR code. Ends after 4 hours.",
        )


def badges(show_id: str) -> tuple[Badge, ...]:
    """Mark a show in the list while it is shared."""
    share = layout.lab().shows.room.current(show_id)
    return () if share is None else (_badge("Shared until", share),)


def draw(lab: Lab, show_id: str) -> None:
    """Draw where the show can be opened, while it is shared; or, once, why it is not."""
    refused: str | None = st.session_state.pop(_REFUSED, None)
    if refused:
        st.error(refused, icon=":material/error:")
    share = lab.shows.room.current(show_id)
    if share is None:
        return
    with st.container(border=True, key="show_share", gap="small"):
        layout.card_head("Shared in this network", _badge("Until", share))
        opens = _opens(share)
        url = share.ballot_url if opens == "ballot" and share.ballot_url else share.url
        share_code(url, opens=f"the {opens}", key="show_share_code")
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="show_share_acts"):
            copy_link(url, key="show_share_copy")
            st.button(
                "Stop sharing", icon=":material/stop_circle:", key="show_share_stop", on_click=_stop, args=(show_id,)
            )
        if share.ballot_url is not None:
            st.text(
                "The show names what was compared and the winner. For a blind vote let phones open the ballot first."
            )
        fragments.part(_counts, TICK_S)(lab, share)
        with st.container(key="muted_show_share"):
            st.text(
                "Phones see the show as it is now: after a change, reload the page there. Plain http: anyone in this network can "
                "read along. Guest networks may separate devices, and a firewall may block the port. If phones cannot open it, "
                "hand the show over as a file."
            )


def _opens(share: Share) -> str:
    """Ask what the code opens, once there is a ballot."""
    if share.ballot_url is None:
        return "show"
    chosen = st.segmented_control(
        "The code opens",
        list(_OPENS),
        default="show",
        required=True,
        key="show_share_opens",
        format_func=lambda one: _OPENS[one],
    )
    return chosen or "show"


def _counts(lab: Lab, drawn: Share) -> None:
    """Say how many have it open; draw the page again when the ballot is there, or sharing has ended."""
    share = lab.shows.room.current(drawn.show_id)
    if share is None:
        undo.put(changing.BAR, Done("Sharing ended. The address answers no more.", None))
        st.rerun()
    if share.url != drawn.url or share.ballot_url != drawn.ballot_url:
        st.rerun()
    with st.container(key="show_share_counts"):
        st.text(_opened(share))
        if share.ballot_url is not None:
            st.text(f"Ballots sent: {share.votes:,}. They are listed on the Vote page.")
        elif share.ballot_said:
            st.text(share.ballot_said)


def _badge(words_before: str, share: Share) -> Badge:
    until = formatting.clock(share.expires_at, today=False)
    return Badge(f"{words_before} {until}", ":material/wifi_tethering:", "green")


def _opened(share: Share) -> str:
    if not share.opened_ever:
        return "Nobody has opened it yet."
    asked = show_formatting.counted(share.opened, "browser")
    return f"Open now: about {asked} (asked for something in the last minute). So far: {share.opened_ever:,}."


def _start(show_id: str) -> None:
    try:
        layout.lab().shows.room.start(show_id)
        undo.forget(changing.BAR)
    except RivyaError as error:
        st.session_state[_REFUSED] = formatting.sentences(error.title, error.detail, error.hint)


def _stop(show_id: str) -> None:
    layout.lab().shows.room.stop(show_id)
    undo.put(changing.BAR, Done("Sharing stopped. The address answers no more.", None))
