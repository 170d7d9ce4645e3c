"""The cards of the Connection page: what is connected, whether it works, what may be spent, where the data is.

Everything is read from the ledger and the settings; the one question to the server, "Check now", is asked in the
background and its answer appears when it is there.
"""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from pages._ui import failure_cards, formatting, fragments, layout
from pages._ui.components.fact_list import Fact, fact_list
from rivya_core import Lab, State, local_time
from rivya_core.lab.ledger.records import BalanceRecord, Budget, ErrorCard
from rivya_core.lab.ledger.shared_limits import CREATES
from rivya_core.lab.ledger.states import is_terminal
from rivya_core.settings import is_built_in

CHECK_TICK_S = 1.0
CHECK_PATIENCE_S = 75.0
PAUSE_TICK_S = 2.0
KEY_START = "rvya_sk_"

RUNNING = formatting.Badge("Running", ":material/play_arrow:", "green")
PAUSED = formatting.Badge("Paused", ":material/pause:", "orange")
WORKS = formatting.Badge("Key and address work", ":material/check:", "green")
ANSWERS = formatting.Badge("The simulator answers", ":material/check:", "green")
PLAYS = formatting.Badge("The recording answers", ":material/check:", "green")
FAILED = formatting.Badge("The last check failed", ":material/error:", "red")

_ASKED = "_connection_asked"


def connection_card(lab: Lab) -> None:
    """Say in words what is connected, with the address, the start of the key and the wallet."""
    with st.container(border=True, key="connection_card"):
        balance = lab.balance()
        layout.card_head(
            "Playing a recording"
            if lab.cassettes.playing is not None
            else "Connected to the built-in simulator"
            if lab.settings.is_embedded
            else _standing(balance, "a simulator" if lab.settings.simulated else "Rivya")
        )
        st.text(_where(lab))
        ticks = is_asking(lab) or balance.tried_at is None
        fragments.part(_answer, CHECK_TICK_S if ticks else None)(lab, balance.tried_at)


def _standing(balance: BalanceRecord, whom: str) -> str:
    """Call a server connected only while its newest answer was one."""
    return f"Set to use {whom}" if balance.asked_at is None or balance.error is not None else f"Connected to {whom}"


def _where(lab: Lab) -> str:
    if lab.cassettes.playing is not None:
        return (
            "Answers come from the cassette that RIVYA_CASSETTE names. Nothing leaves this machine, nothing real is spent, "
            "and what is not in the recording is refused."
        )
    if lab.mode == "simulated":
        where = "inside this program" if lab.settings.is_embedded else "at the address below"
        return f"Requests go to a simulator {where}. It answers as Rivya would, makes real playable clips and costs nothing."
    if lab.balance().simulated:
        return (
            "A key is set, but a simulator answers at the address below. What it makes is marked SIMULATED and no real "
            "credits are spent."
        )
    return "Requests go to the address below and spend real credits of the account that the key belongs to."


def _answer(lab: Lab, drawn: datetime | None) -> None:
    """Draw the answer; ``drawn``: when the question left whose answer the rest of the page shows."""
    balance = lab.balance()
    asking = is_asking(lab)
    ended = not asking and st.session_state.pop(_ASKED, None) is not None
    if ended or balance.tried_at != drawn:
        st.rerun()
    fact_list(
        [
            Fact("Address", address(lab)),
            Fact("API key", key_words(lab)),
            Fact("Balance", formatting.credits(balance.credits), _balance_note(balance)),
        ],
        key="connection_facts",
    )
    with st.container(horizontal=True, vertical_alignment="center", key="connection_check"):
        st.button(
            "Asking…" if asking else "Check now",
            icon=":material/network_check:",
            key="check_now",
            on_click=_check,
            args=(lab,),
            disabled=asking,
            help="Reads the balance, which proves address and key. Free.",
        )
        if asking:
            st.caption("Waiting for the answer. You can go on.")
        elif balance.error is None and balance.asked_at is not None:
            layout.badge({"live": WORKS, "simulated": ANSWERS, "replay": PLAYS}[lab.mode_word])
    if balance.error is not None and not asking:
        _trouble(balance.error)


def _balance_note(balance: BalanceRecord) -> str:
    if balance.asked_at is None:
        return "No answer yet"
    return f"Updated {formatting.clock(balance.asked_at, seconds=True, today=False)}" + (
        "; the last check failed" if balance.error is not None else ""
    )


def _trouble(error: ErrorCard) -> None:
    """Explain why the last question failed, and what to do."""
    with st.container(border=True, key="connection_trouble", gap="small"):
        layout.badge(FAILED)
        with st.container(key="story_connection", gap="xxsmall"):
            for line in (error.title, error.detail, error.hint):
                if line:
                    st.text(line)
        known = [error.code and f"code {error.code}", error.http_status and f"HTTP {error.http_status}"]
        known.append(error.request_id and f"request id {error.request_id}")
        said = " · ".join(str(part) for part in known if part)
        if said:
            st.caption("Rivya's answer:")
            st.code(said, language=None, wrap_lines=True)


def _check(lab: Lab) -> None:
    ask(lab)
    st.rerun()


def ask(lab: Lab) -> None:
    """Have the balance read in the background, and let the page wait for the answer; for callbacks."""
    st.session_state[_ASKED] = (datetime.now(UTC), lab.balance().tried_at)
    lab.refresh_balance()


def is_asking(lab: Lab) -> bool:
    """Tell whether an answer to "Check now" is still to come; after a while it is no longer waited for."""
    asked = st.session_state.get(_ASKED)
    if asked is None:
        return False
    since, tried_before = asked
    if lab.balance().tried_at != tried_before:
        return False
    return bool((datetime.now(UTC) - since).total_seconds() < CHECK_PATIENCE_S)


def address(lab: Lab) -> str:
    """Write where requests go."""
    if not is_built_in(lab.connection):
        return lab.connection
    return lab.connection if lab.simulator is None else f"{lab.simulator.base_url} ({lab.connection})"


def key_words(lab: Lab) -> str:
    """Write the visible start of the key, never more of it."""
    key = lab.settings.api_key
    if key is None:
        return "Not set"
    shown = key.get_secret_value()
    if shown.startswith(KEY_START) and len(shown) >= len(KEY_START) + 16:
        return shown[: len(KEY_START) + 2] + "…"
    return "set (not shown: it does not look like a Rivya key)"


def queue_card(lab: Lab) -> None:
    """Say whether requests are sent, and stop them or let them go on."""
    pause = lab.pause()
    if pause is not None:
        failure_cards.pause_card(pause)
    with st.container(border=True, key="queue_card"):
        layout.card_head("Queue", RUNNING if pause is None else PAUSED)
        st.text(f"{_waiting(lab)}. {_at_once(lab)}")
        others = _waiting_elsewhere(lab)
        if others:
            st.text(
                f"{others:,} open on another connection. They wait until that connection is back and are never sent here."
            )
        if pause is None and not lab.settings.read_only:
            st.button("Pause the queue", icon=":material/pause:", key="pause_queue", on_click=lab.pause_queue)
        layout.only_for("Lab.pause_queue", "pause the queue")
        if pause is not None:
            fragments.watch(lab.pause, pause, PAUSE_TICK_S)


def _waiting(lab: Lab) -> str:
    """Say what has not reached the server yet."""
    counts = lab.ledger.counts(lab.connection)
    waiting, sending = counts.get(State.WAITING, 0), counts.get(State.SUBMITTING, 0)
    parts = [f"{waiting:,} waiting" if waiting else "", f"{sending:,} being sent, not accepted yet" if sending else ""]
    return ", ".join(part for part in parts if part) or "Empty"


def _at_once(lab: Lab) -> str:
    """Say how many requests are sent at once and, where another process sets that, which."""
    own = lab.settings.max_creates_in_flight
    found = lab.health().processes if lab.settings.is_shared else None
    holds, whose = (own, []) if found is None else found.limit(CREATES, own)
    said = f"At most {holds:g} {'request is' if holds == 1 else 'requests are'} sent at the same time"
    if holds == own:
        return f"{said}."
    return f"{said}: RIVYA_MAX_CREATES_IN_FLIGHT is {holds:g} in {', '.join(whose)} and {own} here. The smallest holds for all."


def _waiting_elsewhere(lab: Lab) -> int:
    everywhere, here = lab.ledger.counts(), lab.ledger.counts(lab.connection)
    return sum(count - here.get(state, 0) for state, count in everywhere.items() if not is_terminal(state))


def spending_card(lab: Lab) -> None:
    """Show what was spent today against the cap, which is changed on Spend."""
    budget = lab.budget()
    with st.container(border=True, key="spending_card"):
        layout.card_head("Daily cap")
        spent = f"{budget.spent_today_credits:,} {lab.mode_word} credits held or settled today"
        if budget.cap_credits is None:
            st.text(f"{spent}. No limit.")
        else:
            share = 1.0 if budget.cap_credits == 0 else min(1.0, budget.spent_today_credits / budget.cap_credits)
            st.progress(share, text=f"{spent}, of {budget.cap_credits:,}")
        if not lab.settings.read_only and lab.may("Lab.set_cap"):
            st.page_link(layout.page_file("spend"), label="Change the cap", icon=":material/data_thresholding:")
        layout.only_for("Lab.set_cap", "change the cap")
        st.caption(_cap_note(lab, budget))


def _cap_note(lab: Lab, budget: Budget) -> str:
    zone = local_time.zone_name()
    whose = "this computer's clock" if local_time.shared_zone() is None else "the time zone all share"
    note = f"A day ends at midnight of {whose} ({zone})."
    if lab.cassettes.playing is None:
        note = f"{note} Live and simulated credits are counted apart."
    environment = lab.settings.daily_cap_credits
    if environment is None or budget.cap_credits is None:
        return note
    return (
        f"{note} RIVYA_DAILY_CAP_CREDITS is {environment:,}; the smaller of the two holds, so {budget.cap_credits:,}."
    )
