"""Connection: the server at the other end, the key, the health, the limits, and what is known of the server."""

from __future__ import annotations

import streamlit as st

from pages._ui.app_shell.open_page import open_page
from pages._ui.connection import connection_cards, contract_card, known_card, support_card, system_cards, task_card
from pages._ui.connection.simulator_card import simulator_card
from pages._ui.connection.workers_card import workers_card


def main() -> None:
    """Draw the page."""
    lab = open_page("Connection", "Server, key, health and limits.")
    contract_card.banner(lab)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        connection_cards.connection_card(lab)
        connection_cards.queue_card(lab)
        connection_cards.spending_card(lab)
        contract_card.contract_card(lab)
        system_cards.key_card(lab)
    with right:
        system_cards.health_card(lab)
        workers_card(lab)
        simulator_card(lab)
        task_card.task_card(lab)
        support_card.support_card()
        system_cards.folder_card(lab)
    known_card.known_card(lab)


main()
