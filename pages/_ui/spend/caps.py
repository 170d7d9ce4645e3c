"""Caps on Spend: how full each one is, one field to change any of them, and the log of who raised what, and why."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages._ui import direction, formatting, layout
from pages._ui.components.data_table import Cell, Column, data_table
from pages._ui.query_params import CAP_OF
from pages._ui.spend.cap_editor import Save, cap_editor
from pages._ui.spend.view import View
from rivya_core import Lab, local_time
from rivya_core.lab.ledger import cap_log
from rivya_core.lab.ledger.cap_log import CapChange
from rivya_core.lab.people.person import addresses
from rivya_core.lab.spending.spending_records import Days, ExperimentCost

BARS_MAX = 3
PERSONS_MAX = 12
CHOICES_MAX = 50
DAILY = "daily"


def caps_card(lab: Lab, view: View) -> None:
    """Draw the caps of a mode with what is used of them."""
    known = [cost for cost in lab.spending.experiments(view.mode) if cost.deleted_at is None]
    with st.container(border=True, key="spend_caps", gap="small"):
        layout.card_head("Caps")
        _daily(lab, view)
        capped = [cost for cost in known if cost.cap_credits is not None]
        for cost in sorted(capped, key=lambda cost: not (cost.is_working or cost.planned_takes))[:BARS_MAX]:
            _bar(formatting.excerpt(cost.name, 60), cost.sums.held, cost.cap_credits or 0, view)
        _persons(lab, view)
        if not lab.may("Lab.set_cap"):
            st.caption("Caps are changed by admins.")
        elif layout.can_spend() and view.mode == lab.mode:
            _editor(lab, known)
        elif layout.can_spend():
            st.caption(f"Caps of {view.unit} are set on a server that is connected to them.")
        _log(lab, view, known)


def _daily(lab: Lab, view: View) -> None:
    today = local_time.today()
    environment, own = lab.settings.daily_cap_credits, lab.ledger.key_value.get_cap(view.mode)
    cap = min((one for one in (environment, own) if one is not None), default=None)
    if view.mode == lab.mode:
        spent = lab.budget().spent_today_credits
    else:
        spent = lab.spending.spent(view.mode, Days(today, today)).total.held
    if cap is None:
        st.text(f"Today: {spent:,} {view.unit} held or settled; no daily cap is set.")
    else:
        _bar("Today", spent, cap, view)
    if environment is not None:
        st.caption(
            f"RIVYA_DAILY_CAP_CREDITS is {environment:,}"
            + ("." if own is None else f", the cap set here {own:,}; the smaller of the two holds.")
        )


def _persons(lab: Lab, view: View) -> None:
    capped = {} if lab.person is None else lab.spending.person_caps(view.mode)
    if not capped:
        return
    today = local_time.today()
    spent = lab.spending.spent(view.mode, Days(today, today), of_persons=True).by_person()
    for address, cap in sorted(capped.items())[:PERSONS_MAX]:
        _bar(f"{address} today", spent[address].held if address in spent else 0, cap, view)
    if len(capped) > PERSONS_MAX:
        st.caption(f"{len(capped) - PERSONS_MAX:,} more persons have a cap.")


def _bar(name: str, spent: int, cap: int, view: View) -> None:
    with st.container(gap="xxsmall"):
        st.text(f"{direction.within(name)} · {spent:,} of {cap:,} {view.unit}")
        st.progress(1.0 if cap == 0 else min(1.0, spent / cap))


def _editor(lab: Lab, known: list[ExperimentCost]) -> None:
    asked = st.query_params.get(CAP_OF)
    offered = [cost for at, cost in enumerate(known) if at < CHOICES_MAX or cost.id == asked]
    persons = lab.spending.person_caps(lab.mode) if lab.person is not None else {}
    names = (
        {DAILY: "Every day"}
        | _of_persons(lab, persons)
        | {cost.id: formatting.excerpt(cost.name, 60) for cost in offered}
    )
    if asked in names:
        st.session_state.setdefault("cap_of", asked)
    chosen = st.selectbox("Change the cap of", list(names), format_func=lambda one: names.get(one, one), key="cap_of")
    if chosen == DAILY or chosen not in names:
        cap_editor(f"Cap for {lab.mode_word} credits a day", lab.cap(), lab.set_cap, key="spend_cap_daily")
        return
    if chosen.startswith(cap_log.PERSON):
        address = chosen.removeprefix(cap_log.PERSON)
        cap_editor(
            f"Cap for {lab.mode_word} credits a day",
            persons.get(address),
            _person_saver(lab, address),
            key=f"spend_cap_{chosen}",
        )
        return
    current = next(cost.cap_credits for cost in known if cost.id == chosen)
    cap_editor("Cap for the whole sweep", current, _saver(lab, chosen), key=f"spend_cap_{chosen}")


def _of_persons(lab: Lab, capped: Mapping[str, int]) -> dict[str, str]:
    """The persons whose cap can be set, by what the choice is called: who has one, and who has submitted something."""
    if lab.person is None:
        return {}
    spent = lab.spending.spent(lab.mode, of_persons=True).by_person()
    known = sorted({*capped, *filter(None, spent), *addresses(lab.settings)})
    return {cap_log.PERSON + address: address for address in known}


def _person_saver(lab: Lab, address: str) -> Save:
    def save(wanted: int | None, why: str) -> None:
        lab.spending.set_person_cap(lab.mode, address, wanted, why)

    return save


def _saver(lab: Lab, experiment_id: str) -> Save:
    def save(wanted: int | None, why: str) -> None:
        lab.sweeps.set_cap(experiment_id, wanted, why)

    return save


def _log(lab: Lab, view: View, known: list[ExperimentCost]) -> None:
    changes = lab.spending.cap_changes(view.mode)
    if not changes:
        st.caption("No cap was changed so far. Raising one asks why, and the reason is kept here.")
        return
    names = {cap_log.of_experiment(cost.id): formatting.excerpt(cost.name, 60) for cost in known}
    with st.expander(f"Changes of caps ({len(changes):,})"):
        data_table(
            f"Changes of caps, {view.unit}, newest first",
            [Column("When"), Column("Change"), Column("Why")],
            [_line(change, names) for change in changes],
            key="sheet_cap_changes",
        )


def _line(change: CapChange, names: dict[str, str]) -> list[Cell | str]:
    cap = names.get(change.cap, "A deleted sweep")
    if change.cap.startswith("daily:"):
        cap = "Every day"
    elif change.cap.startswith(cap_log.PERSON):
        cap = change.cap.split(":", 2)[2]
    before, after = (
        ("No limit" if one is None else f"{one:,}") for one in (change.before_credits, change.after_credits)
    )
    return [
        Cell(formatting.clock(change.at), note=change.person or ""),
        Cell(f"{before} → {after}", note=cap),
        change.why or "not asked",
    ]
