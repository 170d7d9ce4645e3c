"""The figures of Spend: what was held and given back, day by day, by model and by outcome."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import streamlit as st

from pages._ui import layout
from pages._ui.components.data_table import Cell, Column, data_table
from pages._ui.spend.view import View, day_words, number
from rivya_core import local_time
from rivya_core.lab.ledger.states import State
from rivya_core.lab.spending.spending_records import Spent, Sums

KINDS: Final = {"Settled": "#6D5AE6", "Provisional": "#B4A8F5", "Reserved": "#E8963A"}
BAR_DAYS_MAX: Final = 92
"""More days than this are drawn month by month."""

MEANINGS: Final = {
    "Settled": "The generation has ended and Rivya named its price.",
    "Provisional": "The clip is here but Rivya has not named its price yet; until then what it reserved is counted.",
    "Reserved": "Held for what waits, runs, or may have been accepted.",
    "Held in all": "Settled, provisional and reserved together: what counts against the caps.",
    "Released": "Given back: of generations that failed or were cancelled.",
}
MONEY: Final = (
    Column("Generations", "number"),
    Column("Settled", "number"),
    Column("Provisional", "number"),
    Column("Reserved", "number"),
    Column("Held in all", "number"),
    Column("Released", "number"),
)
OUTCOMES: Final = {
    State.SUCCEEDED: "Succeeded",
    State.FAILED: "Failed",
    State.CANCELLED: "Cancelled",
    State.UNCONFIRMED: "Unconfirmed",
    State.UNSAVED: "Clip not fetched",
}


def totals(view: View, spent: Spent) -> None:
    """Draw the figures that add up."""
    total = spent.total
    with st.container(border=True, key="spend_totals"):
        layout.card_head(f"Spent {view.words}", layout.mode_chip(view.mode))
        with st.container(horizontal=True, key="spend_metrics", gap="medium"):
            figures = (total.settled, total.provisional, total.reserved, total.held, total.released)
            for (name, meaning), figure in zip(MEANINGS.items(), figures, strict=True):
                st.metric(name, number(figure), help=meaning, width="content")
        st.caption(
            f"Settled, provisional and reserved add up to {total.held:,} {view.unit} of {total.generations:,} "
            f"generation{'' if total.generations == 1 else 's'}. Released credits were given back and are not counted."
        )


def by_day(view: View, spent: Spent) -> None:
    """Draw several days as bars, and as a table below."""
    found = _filled(view, spent.by_day())
    if len(found) == 1:
        return  # the figures above are those of the day
    with st.container(border=True, key="spend_days"):
        layout.card_head("Day by day")
        st.vega_lite_chart(_chart(view, found), width="stretch", height=260, key="spend_chart")
        with st.expander("As a table"):
            data_table(
                f"{view.unit} by day",
                [Column("Day"), *MONEY],
                [[day_words(date.fromisoformat(day)), *_money(sums)] for day, sums in reversed(list(found.items()))],
                key="sheet_days",
                foot=["All", *_money(spent.total)],
            )
        st.caption("A generation counts on the day it was submitted, as it does for the daily cap.")


def by_model(view: View, spent: Spent) -> None:
    """Draw one line a model."""
    with st.container(border=True, key="spend_models"):
        layout.card_head("By model")
        rows = [[model, *_money(sums)] for model, sums in spent.by_model().items()]
        data_table(f"{view.unit} by model", [Column("Model"), *MONEY], rows, key="sheet_models")


def by_person(view: View, spent: Spent) -> None:
    """Draw one line a person; drawn only where people sign in."""
    with st.container(border=True, key="spend_persons"):
        layout.card_head("By person")
        rows = [[person or "Without sign-in", *_money(sums)] for person, sums in spent.by_person().items()]
        data_table(f"{view.unit} by person", [Column("Person"), *MONEY], rows, key="sheet_persons")


def by_outcome(view: View, spent: Spent) -> None:
    """Draw one line an outcome; what has none yet is together on its way."""
    found: dict[str, Sums] = {}
    for state, sums in spent.by_state().items():
        name = OUTCOMES.get(state, "On its way")
        found[name] = found.get(name, Sums()) + sums
    with st.container(border=True, key="spend_outcomes"):
        layout.card_head("By outcome")
        rows = [[name, *_money(sums)] for name, sums in found.items()]
        data_table(f"{view.unit} by outcome", [Column("Outcome"), *MONEY], rows, key="sheet_outcomes")


def _money(sums: Sums) -> list[Cell | str]:
    figures = (sums.generations, sums.settled, sums.provisional, sums.reserved, sums.held, sums.released)
    return [number(figure) for figure in figures]


def _filled(view: View, found: Mapping[str, Sums]) -> dict[str, Sums]:
    """Put the days without a generation between those with one, so that the bars stand where they belong."""
    today = local_time.today()
    first = view.days.first or (date.fromisoformat(min(found)) if found else today)
    last = max([today, *(date.fromisoformat(day) for day in found)])
    if view.days.first is None and (last - first).days > BAR_DAYS_MAX:
        return dict(found)
    days = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
    return {day: found.get(day, Sums()) for day in days}


def _chart(view: View, found: Mapping[str, Sums]) -> dict[str, Any]:
    by_month = len(found) > BAR_DAYS_MAX
    values = [
        {"day": f"{day}T12:00:00", "kind": kind, "credits": figure, "place": place}
        for day, sums in found.items()
        for place, (kind, figure) in enumerate(zip(KINDS, (sums.settled, sums.provisional, sums.reserved), strict=True))
    ]
    when = {
        "field": "day",
        "type": "ordinal",
        "timeUnit": "yearmonth" if by_month else "yearmonthdate",
        "title": None,
        "axis": {"format": "%b %Y" if by_month else "%d %b", "labelAngle": 0, "labelOverlap": True, "grid": False},
    }
    return {
        "data": {"values": values},
        "padding": {"left": 0, "right": 0, "top": 0, "bottom": 0},
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {
            "x": when,
            "y": {
                "field": "credits", "type": "quantitative", "aggregate": "sum", "title": view.unit,
                "axis": {"format": ",d", "tickCount": 5, "tickMinStep": 1},
            },
            "color": {
                "field": "kind",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(KINDS), "range": list(KINDS.values())},
                "legend": {"orient": "top", "symbolType": "square"},
            },
            "order": {"field": "place", "type": "ordinal"},
            "tooltip": [
                {**when, "title": "Day", "format": "%b %Y" if by_month else "%d %b %Y"},
                {"field": "kind", "title": "Kind"},
                {"field": "credits", "aggregate": "sum", "title": view.unit, "format": ",d"},
            ],
        },
    }  # fmt: skip
