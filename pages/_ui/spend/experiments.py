"""Experiments on Spend: what each cost against its quote and cap, where those at work are heading, what a decision cost."""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.components.data_table import Cell, Column, data_table
from pages._ui.query_params import sweep_link
from pages._ui.spend.view import View, number
from rivya_core import Lab
from rivya_core.lab.spending.spending_records import ExperimentCost, Spent, Sums, SweepForecast

SHOWN_MAX = 25
FORECASTS_MAX = 5
COLUMNS = (
    Column("In all", "number"),
    Column("Quoted", "number"),
    Column("Cap", "number"),
    Column("Still planned", "number"),
    Column("State", "word"),
)
KINDS = {"hint": "quick test", "verdict": "full test"}


def by_experiment(lab: Lab, view: View, spent: Spent) -> None:
    """Draw one line an experiment that spent on these days, is at work or is planned; and one for the rest."""
    sums = spent.by_experiment()
    costs = [
        cost
        for cost in lab.spending.experiments(view.mode)
        if cost.id in sums or cost.is_working or (cost.planned_takes and cost.deleted_at is None)
    ]
    if not costs and not spent.groups:
        return
    with st.container(border=True, key="spend_experiments"):
        layout.card_head("By sweep")
        if not costs:
            st.text(f"No sweep spent anything {view.words}.")
            return
        rows = [_row(cost, sums.get(cost.id, Sums())) for cost in costs[:SHOWN_MAX]]
        alone, more = sums.get(None), costs[SHOWN_MAX:]
        if alone is not None:
            rows.append(_sum("No sweep", alone.held))
        if more:
            rows.append(_sum(f"{len(more):,} older sweeps", sum(sums.get(one.id, Sums()).held for one in more)))
        foot = _sum("All", spent.total.held)
        columns = [Column("Sweep"), Column(view.words.capitalize(), "number"), *COLUMNS]
        if view.days.first is None:  # "in all" would say the same
            columns, foot = [*columns[:2], *columns[3:]], [*foot[:2], *foot[3:]]
            rows = [[*row[:2], *row[3:]] for row in rows]
        data_table(f"{view.unit} by sweep", columns, rows, key="sheet_experiments", foot=foot)
        st.caption(f"All figures are {view.unit}. Clips that a sweep only reused cost it nothing.")


def _sum(name: str, held: int) -> list[Cell | str]:
    return [name, number(held), *("" for _ in COLUMNS)]


def _row(cost: ExperimentCost, sums: Sums) -> list[Cell | str]:
    cap = cost.cap_credits
    share = None if cap is None else 1.0 if cap == 0 else cost.sums.held / cap
    planned = f"{cost.planned_takes:,} take{'' if cost.planned_takes == 1 else 's'}" if cost.planned_takes else ""
    return [
        Cell(formatting.excerpt(cost.name, 70), sweep_link(cost.id), KINDS.get(cost.kind, "")),
        number(sums.held),
        number(cost.sums.held),
        number(cost.quoted_credits),
        "No limit" if cap is None else Cell(number(cap), bar=share),
        Cell(number(cost.planned_credits), note=planned),
        state_of(cost),
    ]


def state_of(cost: ExperimentCost) -> str:
    """Say where an experiment stands in a word or two."""
    if cost.deleted_at is not None:
        return "Deleted"
    if cost.paused_at is not None:
        return "Paused"
    if cost.is_working:
        return "At work"
    if cost.planned_takes:
        return "Not finished"
    return "Decided" if cost.decided_at is not None else "Done"


def forecast_card(lab: Lab, view: View) -> None:
    """Say what the experiments at work will have cost, against quote and cap, and when they probably end."""
    forecasts = lab.spending.forecasts(view.mode)
    if not forecasts:
        return
    stands = lab.pause() is not None
    with st.container(border=True, key="spend_forecast", gap="small"):
        layout.card_head("At work now")
        for forecast in forecasts[:FORECASTS_MAX]:
            _forecast(view, forecast, stands=stands)
        if len(forecasts) > FORECASTS_MAX:
            st.caption(f"{len(forecasts) - FORECASTS_MAX:,} more are at work; see them below.")


def _forecast(view: View, forecast: SweepForecast, *, stands: bool) -> None:
    cost = forecast.cost
    parts = [
        f"{forecast.spent_credits:,} spent",
        f"{forecast.going_credits:,} held by {forecast.going_takes:,} on their way",
    ]
    if cost.planned_credits:
        parts.append(f"{cost.planned_credits:,} planned")
    limit = max(cost.cap_credits if cost.cap_credits is not None else cost.quoted_credits, 1)
    with st.container(key=f"story_{cost.id}", gap="xsmall"):
        st.text(formatting.excerpt(cost.name, 80))
        st.progress(min(1.0, cost.sums.held / limit))
        st.text(f"{' + '.join(parts)} = {forecast.total_credits:,} {view.unit} {_against(forecast)}.")
        end = "The queue is paused, so nobody knows when it ends." if stands else ends(forecast)
        st.caption(
            " ".join(
                part
                for part in (
                    f"That passes its cap by {forecast.over_cap_credits:,}: it will stop there."
                    if forecast.over_cap_credits
                    else "",
                    end or "",
                    "What fails is given back, so it may be less.",
                )
                if part
            )
        )


def _against(forecast: SweepForecast) -> str:
    cost = forecast.cost
    quoted = f"of {cost.quoted_credits:,} quoted"
    return quoted if cost.cap_credits is None else f"{quoted}, cap {cost.cap_credits:,}"


def ends(forecast: SweepForecast) -> str | None:
    """Say when what runs or waits will probably be done; nothing when nothing is known of such clips."""
    low, high = forecast.ends_from_s, forecast.ends_within_s
    if low is None or high is None:
        return None
    if high <= 0:
        return "The last clip takes longer than such clips usually do."
    within = formatting.span(high)
    if low < 1 or formatting.span(low) == within:
        return f"What is on its way probably ends within {within}."
    return f"What is on its way probably ends in {formatting.span(low)} to {within}."


def decision_card(lab: Lab, view: View) -> None:
    """Say what a decision cost."""
    cost = lab.spending.decisions(view.mode, view.days)
    with st.container(border=True, key="spend_decisions", gap="small"):
        layout.card_head("Credits per decision")
        if cost.credits_each is None:
            st.text(f"No decision yet {view.words}." if view.days.first is not None else "No decision yet.")
            st.caption("A decision is made on a sweep's page; then this says what it cost to get there.")
            return
        st.metric(f"{view.unit} per decision".capitalize(), number(cost.credits_each))
        made = "1 decision" if cost.decisions == 1 else f"{cost.decisions:,} decisions"
        st.caption(f"{made} {view.words}, from sweeps that cost {cost.credits:,} {view.unit} in all.")
