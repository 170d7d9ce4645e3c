"""What Spend promises: figures that add up, one mode at a time, caps that ask why, a wallet that is compared in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from pages._ui.spend.wallet import told
from rivya_core import GenerationRequest, Lab, State
from rivya_core.api import Rivya
from rivya_core.lab.ledger.database import begin_immediate
from rivya_core.lab.ledger.reconciliation import Unexplained
from rivya_core.lab.ledger.schema import experiments, generations
from rivya_core.lab.people.person import Person
from tests.lab.given import NOON
from tests.pages.conftest import ROOT, TIMEOUT_S

MakeLab = Callable[..., Lab]
REQUEST = GenerationRequest(prompt="A red fox in the snow")


def opened(**query: str) -> AppTest:
    """Spend as a visitor sees it, with words in its address."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=TIMEOUT_S)
    for name, value in query.items():
        app.query_params[name] = value
    app = app.switch_page("pages/spend.py").run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def said(app: AppTest) -> str:
    """Everything the page says outside its tables."""
    kinds = (app.text, app.caption, app.markdown, app.title, app.header)
    words = [str(item.value) for kind in kinds for item in kind]

    words += [item.proto.text for item in app.get("progress")]
    return "\n".join(words)


def sheets(app: AppTest) -> dict[str, list[dict[str, Any]]]:
    """Each table by its caption: its lines, each a mapping from the column's name to its cell."""
    parts = [part for part in app.get("bidi_component") if part.proto.component_name == "rivya_data_table"]
    found = {}
    for part in parts:
        data = json.loads(part.proto.json or part.proto.mixed.json)
        names = [column["name"] for column in data["columns"]]
        rows = [*data["rows"], *([data["foot"]] if data["foot"] else [])]
        found[data["caption"]] = [dict(zip(names, row, strict=True)) for row in rows]
    return found


def metrics(app: AppTest) -> dict[str, str]:
    """The large figures."""
    return {item.label: item.value for item in app.metric}


def press(app: AppTest, label: str) -> AppTest:
    """Press the one button whose label starts so."""
    [button] = [item for item in app.button if item.label.startswith(label)]
    app = button.click().run()
    assert not app.exception, [error.value for error in app.exception]
    return app


def done(lab: Lab, count: int = 1, **columns: Any) -> list[str]:
    """Finished generations."""
    ids = [lab.submit(REQUEST).id for _ in range(count)]
    for one in ids:
        lab.wait(one)
    if columns:
        with begin_immediate(lab.ledger.database) as connection:
            connection.execute(sa.update(generations).where(generations.c.id.in_(ids)).values(**columns))
    return ids


def experiment(lab: Lab, key: str = "fox", **columns: Any) -> str:
    """Store an experiment."""
    row: dict[str, Any] = {
        "id": key,
        "kind": "sweep",
        "name": "Which light <b>suits</b> the fox?",
        "question": "",
        "mode": lab.mode,
        "connection": lab.connection,
        "model": REQUEST.model,
        "spec": {"base": REQUEST.canonical(), "axes": {}},
        "cells": 2,
        "takes": 1,
        "quoted_credits": 320,
        "created_at": lab._jobs.now(),
    }
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.insert(experiments).values(row | columns))
    return key


def test_an_empty_ledger_says_so(lab: Lab) -> None:
    """Nothing was spent, nothing decided, no cap: in words, without a chart of nothing."""
    words = said(opened())
    assert "Nothing spent in the last 30 days" in words
    assert "No decision yet" in words
    assert "no daily cap is set" in words
    assert opened().get("vega_lite_chart") == []
    assert sheets(opened()) == {}
    assert lab.mode == "simulated"


def test_figures_add_up_and_say_what_they_are(lab: Lab) -> None:
    """Settled, provisional and reserved, together and given back, in simulated credits."""
    done(lab, 2)
    lab.pause_queue()
    waiting = lab.submit(REQUEST)
    lab.cancel(lab.submit(REQUEST).id)
    app = opened()
    assert metrics(app) == {
        "Settled": "320",
        "Provisional": "0",
        "Reserved": "160",
        "Held in all": "480",
        "Released": "160",
    }
    assert "add up to 480 simulated credits of 4 generations" in said(app)
    tables = sheets(app)
    outcomes = {row["Outcome"]["text"]: row["Held in all"]["text"] for row in tables["simulated credits by outcome"]}
    assert outcomes == {"Succeeded": "320", "On its way": "160", "Cancelled": "0"}
    [model] = tables["simulated credits by model"]
    assert (model["Generations"]["text"], model["Released"]["text"]) == ("4", "160")
    days = tables["simulated credits by day"]
    assert (days[0]["Day"]["text"], days[0]["Held in all"]["text"], len(days)) == ("Today", "480", 31)
    lab.cancel(waiting.id)


def test_live_and_simulated_are_looked_at_one_at_a_time(lab: Lab) -> None:
    """P8: the switch is in the address; live figures of a simulated lab are empty and called live."""
    done(lab)
    assert "160" in metrics(opened(mode="simulated")).values()
    app = opened(mode="live")
    assert metrics(app) == {}
    words = said(app)
    assert "No generation has used live credits so far" in words
    assert "No balance of live credits was read" in words
    assert [item for item in app.number_input if item.label.startswith("Cap")] == []


def test_days_are_chosen_in_the_address(lab: Lab) -> None:
    """An older generation is out of today's figures, and named as spent before."""
    old = (lab._jobs.now() - timedelta(days=10)).astimezone().date().isoformat()
    done(lab, cap_day=old)
    assert metrics(opened(days="30 days"))["Held in all"] == "160"
    assert metrics(opened(days="all"))["Held in all"] == "160"
    words = said(opened(days="7 days"))
    assert "Nothing spent in the last 7 days" in words
    assert "160 simulated credits were held or settled before" in words
    [link] = [item for item in opened(days="today").get("link_button") if item.proto.label == "CSV"]
    today = lab._jobs.now().astimezone().date().isoformat()
    assert link.proto.url == f"/exports/spend.csv?mode=simulated&since={today}"


def test_experiments_stand_beside_their_quote_and_cap(lab: Lab) -> None:
    """A name of a person is text; each line leads to its experiment; what belongs to none has a line of its own."""
    experiment(lab, cap_credits=640)
    done(lab, 2, experiment_id="fox")
    done(lab)
    app = opened()
    one, alone, total = sheets(app)["simulated credits by sweep"]
    assert one["Sweep"]["text"] == "Which light <b>suits</b> the fox?"
    assert one["Sweep"]["href"] == "/sweep?experiment=fox"
    shown = {name: one[name]["text"] for name in ("In all", "Quoted", "Cap", "State")}
    assert shown == {"In all": "320", "Quoted": "320", "Cap": "640", "State": "Done"}
    assert one["Cap"]["bar"] == 0.5
    assert (alone["Sweep"]["text"], alone["In the last 30 days"]["text"]) == ("No sweep", "160")
    assert total["In the last 30 days"]["text"] == "480"
    assert "Which light <b>suits</b> the fox? · 320 of 640 simulated credits" in said(app)


def test_an_experiment_at_work_has_a_forecast(lab: Lab) -> None:
    """Spent, on its way, and against what it adds up; no time while the queue stands still."""
    experiment(lab, cap_credits=300)
    done(lab, 1, experiment_id="fox")
    lab.pause_queue()
    waiting = lab.submit(REQUEST)
    with begin_immediate(lab.ledger.database) as connection:
        connection.execute(sa.update(generations).where(generations.c.id == waiting.id).values(experiment_id="fox"))
    words = said(opened())
    assert "160 spent + 160 held by 1 on their way = 320 simulated credits of 320 quoted, cap 300." in words
    assert "That passes its cap by 20" in words
    assert "probably" not in words
    assert "The queue is paused, so nobody knows when it ends." in words
    lab.cancel(waiting.id)
    assert "At work now" not in said(opened())


def test_a_decision_has_its_price(lab: Lab) -> None:
    """What the experiments that led to a decision cost, a decision."""
    experiment(lab, decided_at=lab._jobs.now(), decision={})
    done(lab, 2, experiment_id="fox")
    app = opened()
    assert metrics(app)["Simulated credits per decision"] == "320"
    assert "1 decision in the last 30 days" in said(app)


def test_a_charge_from_elsewhere_is_told(lab: Lab) -> None:
    """160 credits that no generation here took stand on the page with two moments."""
    done(lab)
    lab.check_connection()
    assert "Nothing unexplained" in said(opened())
    with Rivya(lab.simulator.api_key, base_url=lab.simulator.base_url) as other:
        other.create(REQUEST, idempotency_key="made-elsewhere")
    lab.check_connection()
    app = opened()
    assert "160 simulated credits unexplained between" in said(app)
    assert "Rivya does not tell who took them" in said(app)
    assert "160 simulated credits unexplained" in said(app)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-160, -160, "160 simulated credits unexplained between"),
        (-320, -160, "At least 160 simulated credits unexplained between"),
        (1600, 1600, "1,600 simulated credits added to the wallet between"),
        (1440, 1600, "At least 1,440 simulated credits added to the wallet between"),
    ],
)
def test_a_change_is_said_as_surely_as_it_is_known(low: int, high: int, words: str) -> None:
    """P6: an amount that is bounded only is called so."""
    change = Unexplained(NOON, NOON + timedelta(minutes=1), low, high)
    assert told(change, "simulated credits").startswith(words)


def cap_field(app: AppTest) -> Any:
    """The one field that changes a cap."""
    [cap] = [item for item in app.number_input if item.label.startswith("Cap for")]
    return cap


def test_a_daily_cap_can_be_set_and_removed(lab: Lab) -> None:
    """P3: the cap of this mode holds at once, and is removed with a reason."""
    app = cap_field(opened()).set_value(800).run()
    assert lab.cap() == 800
    app = press(app, "Remove the cap")
    assert lab.cap() == 800
    [why] = [item for item in app.text_input if item.label == "Why"]
    press(why.set_value("the test is over").run(), "Remove it")
    assert lab.cap() is None
    assert lab.spending.cap_changes("simulated")[0].why == "the test is over"


def test_a_cap_holds_until_a_reason_is_given(lab: Lab) -> None:
    """Without one it is not raised; it can be left as it is."""
    lab.set_cap(800)
    app = cap_field(opened()).set_value(960).run()
    assert lab.cap() == 800
    assert "The cap of 800 credits holds until you say why it is raised to 960." in said(app)
    app = press(app, "Raise it to 960")
    assert "Raising a cap needs a reason" in said(app)
    app = press(app, "Leave it as it is")
    assert cap_field(app).value == 800
    app = cap_field(app).set_value(960).run()
    [why] = [item for item in app.text_input if item.label == "Why"]
    app = press(why.set_value("the demo on Friday").run(), "Raise it to 960")
    assert lab.cap() == 960
    assert "holds until" not in said(app)


def test_the_cap_of_a_sweep_is_reached_by_its_address(lab: Lab) -> None:
    """Sweep links here: the sweep is chosen, and its cap is raised with a reason."""
    experiment(lab, cap_credits=320)
    app = opened(cap_of="fox")
    assert cap_field(app).value == 320
    app = cap_field(app).set_value(480).run()
    assert lab.sweeps.get("fox").cap_credits == 320
    [why] = [item for item in app.text_input if item.label == "Why"]
    press(why.set_value("The second shape matters").run(), "Raise it to 480")
    assert lab.sweeps.get("fox").cap_credits == 480


def test_raising_a_cap_asks_why_and_is_logged(lab: Lab) -> None:
    """The daily cap and that of an experiment, by the same field; the log stands on the page."""
    experiment(lab, cap_credits=320)
    lab.set_cap(480)
    app = opened()
    [cap] = [item for item in app.number_input if item.label.startswith("Cap for")]
    app = cap.set_value(640).run()
    assert lab.cap() == 480
    [why] = [item for item in app.text_input if item.label == "Why"]
    app = press(why.set_value("the demo").run(), "Raise it to 640")
    assert lab.cap() == 640
    [chosen] = [item for item in app.selectbox if item.label == "Change the cap of"]
    app = chosen.set_value("fox").run()
    [cap] = [item for item in app.number_input if item.label.startswith("Cap for")]
    assert cap.value == 320
    app = cap.set_value(160).run()
    [newest, raised, first] = sheets(app)["Changes of caps, simulated credits, newest first"]
    assert (newest["Change"]["text"], newest["Change"]["note"]) == ("320 → 160", "Which light <b>suits</b> the fox?")
    assert (raised["Change"]["text"], raised["Why"]["text"]) == ("480 → 640", "the demo")
    assert first["Change"]["text"] == "No limit → 480"


def test_a_read_only_server_shows_it_all_and_changes_nothing(make_lab: MakeLab) -> None:
    """Figures, caps and wallet, but no field."""
    lab = make_lab()
    lab.set_cap(480)
    done(lab)
    lab.close()
    make_lab(read_only=True)
    app = opened()
    assert metrics(app)["Held in all"] == "160"
    assert "Today · 160 of 480 simulated credits" in said(app)
    assert list(app.number_input) == []


def test_failed_generations_cost_nothing(lab: Lab) -> None:
    """All given back, and said so."""
    lab.simulator.world.configure(failure_rate=1.0)
    [one] = done(lab)
    assert lab.get(one).state is State.FAILED
    app = opened()
    assert metrics(app) == {"Settled": "0", "Provisional": "0", "Reserved": "0", "Held in all": "0", "Released": "160"}
    assert sheets(app)["simulated credits by outcome"][0]["Outcome"]["text"] == "Failed"


def caps_of_a_team() -> None:
    """A page that draws the caps as an admin sees them."""
    from pages._ui.spend.caps import caps_card  # noqa: PLC0415 - the source of this function is the page
    from pages._ui.spend.view import View  # noqa: PLC0415
    from rivya_core import services  # noqa: PLC0415
    from rivya_core.lab.people.person import Person  # noqa: PLC0415
    from rivya_core.lab.spending.spending_records import Days  # noqa: PLC0415

    lab = services.shared_lab().acting_as(Person("ada@lab.example"))
    caps_card(lab, View("simulated", "simulated", Days(), "today"))


def test_each_person_with_a_cap_has_a_bar(make_lab: Callable[..., Lab]) -> None:
    """What they hold or spent today, of what they may."""
    lab = make_lab(admins="ada@lab.example", makers="@team.example")
    ann, ada = (lab.acting_as(Person(one)) for one in ("ann@team.example", "ada@lab.example"))
    ada.pause_queue()
    ann.submit(REQUEST)
    for address, cap in (("ann@team.example", 800), ("ben@team.example", 320)):
        ada.spending.set_person_cap("simulated", address, cap, "a test")
    app = AppTest.from_function(caps_of_a_team, default_timeout=TIMEOUT_S).run()
    assert not app.exception
    words = [one.value for one in app.text]
    assert "ann@team.example today · 160 of 800 simulated credits" in words
    assert "ben@team.example today · 0 of 320 simulated credits" in words
