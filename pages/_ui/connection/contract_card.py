"""The card that checks the server's contract for free, and the banner that stays while something differs."""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, fragments, layout
from pages._ui.components.fact_list import Fact, fact_list
from rivya_core import Lab
from rivya_core.lab.server.contract_check import ContractReport

TICK_S = 1.0
AGREES = formatting.Badge("Agrees", ":material/check:", "green")
DIFFERS = formatting.Badge("Differs", ":material/difference:", "orange")
UNSURE = formatting.Badge("Not compared", ":material/help:", "orange")
UNCHECKED = formatting.Badge("Not checked yet", ":material/help:", "gray")

SOURCES = {"credits": "Balance", "models": "Models list", "openapi": "Schema", "task": "Missing task"}


def banner(lab: Lab) -> None:
    """Say at the top of the page that the last check found something; nothing else says so until a later check."""
    report = lab.server.contract()
    if report is None or report.agrees:
        return
    matter = sum(one.matters for one in report.differences)
    parts = [f"{matter} {'difference matters' if matter == 1 else 'differences matter'}" if matter else ""]
    unread = len(report.troubles)
    parts.append(f"{unread} {'answer' if unread == 1 else 'answers'} could not be compared" if unread else "")
    found = ", ".join(part for part in parts if part)
    st.warning(f"The server and this program disagree: {found}. See API contract below.", icon=":material/difference:")


def contract_card(lab: Lab) -> None:
    """Draw what the last check found, and the button for another one."""
    report = lab.server.contract()
    with st.container(border=True, key="contract_card"):
        layout.card_head("API contract", _chip(report))
        st.text(
            "Compares the server's prices, models, limits and error codes with those shipped here. Four reads, no credits."
        )
        fragments.part(_answer, TICK_S if lab.server.is_checking else None)(lab, report)


def _chip(report: ContractReport | None) -> formatting.Badge:
    if report is None:
        return UNCHECKED
    if report.agrees:
        return AGREES
    return DIFFERS if any(one.matters for one in report.differences) else UNSURE


def _answer(lab: Lab, drawn: ContractReport | None) -> None:
    checking = lab.server.is_checking
    if not checking and lab.server.contract() != drawn:
        st.rerun()
    if not lab.settings.read_only:
        st.button(
            "Checking…" if checking else "Check the contract, free",
            icon=":material/fact_check:",
            key="check_contract",
            on_click=_check,
            args=(lab,),
            disabled=checking,
        )
    layout.only_for("Server.ask_contract", "start a check")
    if drawn is not None:
        _found(drawn)


def _check(lab: Lab) -> None:
    """Ask in the background, and draw the whole page again: only a new part of it looks for the answer."""
    lab.server.ask_contract()
    st.rerun()


def _found(report: ContractReport) -> None:
    if report.differences or report.troubles:
        lines = [Fact(SOURCES[one.source], one.what, one.meaning) for one in report.differences if one.matters]
        lines += [Fact("No comparison", trouble) for trouble in report.troubles]
        lines += [Fact("News", one.what, one.meaning) for one in report.differences if not one.matters]
        fact_list(lines, key="contract_facts")
    else:
        st.text("Nothing differs.")
    simulated = " A simulator answered." if report.simulated else ""
    st.caption(
        f"Checked {formatting.clock(report.checked_at)}. {report.answered} of {report.asked} answers compared.{simulated}"
    )
