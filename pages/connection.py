"""Connection: what this program talks to, whether it works, and what it may spend."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.connection import connection_cards, system_cards
from pages._ui.connection.simulator_card import simulator_card


def main() -> None:
    """Draw the page."""
    lab = frame.open_page("Connection", "What this program talks to, whether it works, and what it may spend.")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        connection_cards.connection_card(lab)
        connection_cards.queue_card(lab)
        connection_cards.spending_card(lab)
        system_cards.key_card(lab)
    with right:
        system_cards.health_card(lab)
        simulator_card(lab)
        system_cards.folder_card(lab)


main()
