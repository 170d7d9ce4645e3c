"""What the check of the contract promises: four GETs, a sentence for whatever comes back, and drift that is kept until it is gone."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from rivya_core import Lab
from rivya_core.api.differences import credits_differences, models_differences, task_differences
from rivya_core.api.probes import ProbeResult
from rivya_core.api.schema_differences import schema_differences
from rivya_core.lab.server import contract_check
from rivya_core.lab.server.contract_check import _learned
from rivya_core.simulator.http.model_list import models_answer
from rivya_core.simulator.http.openapi import openapi_document
from tests.lab.scripted import Reply
from tests.lab.server.routed import Routed
from tests.until import until

KEY = "rvya_sk_test_0123456789abcdef"
MODEL = "kling-v2-1-master"
NOT_FOUND = Reply(404, {"error": {"code": "not_found", "message": "No.", "requestId": "req_1"}})
WALLET = Reply(200, {"current_credits": 5})
ASKED = ["/credits", "/models", "/openapi.json", "/generations/task_that_does_not_exist"]


@pytest.fixture
def server() -> Iterator[Routed]:
    """A server that says anything."""
    with Routed() as made:
        made.answers = {"/credits": WALLET}
        yield made


@pytest.fixture
def live(make_lab: Callable[..., Lab], server: Routed) -> Lab:
    """A lab on that server."""
    return make_lab(api_key=KEY, base_url=server.base_url)


def models() -> dict[str, Any]:
    """The list of models as the documentation has it."""
    return copy.deepcopy(models_answer())


def kling(answer: dict[str, Any]) -> dict[str, Any]:
    """The entry of the default model."""
    return next(item for item in answer["data"] if item["id"] == MODEL)


def told(live: Lab, server: Routed, **changed: Reply) -> contract_check.ContractReport:
    """What a check finds when some of the four answers are changed."""
    answers = {
        "credits": WALLET,
        "models": Reply(200, models()),
        "openapi": Reply(200, openapi_document(server.base_url)),
        "task": NOT_FOUND,
    } | changed
    server.answers = dict(zip(ASKED, (answers[name] for name in ("credits", "models", "openapi", "task")), strict=True))
    server.seen.clear()
    report = live.check_contract()
    assert [path for _, path in server.seen if path != "/credits"] == ASKED[1:]
    assert {method for method, _ in server.seen} == {"GET"}
    return report


def test_the_embedded_simulator_keeps_the_contract(lab: Lab) -> None:
    """Our own server, its schema included, says nothing that we do not ship; nothing was sent that could cost."""
    before = lab.simulator.world.balance()
    report = lab.check_contract()
    assert (report.differences, report.troubles, report.simulated) == ((), (), True)
    assert report.agrees
    assert (report.asked, report.answered) == (4, 4)
    assert lab.simulator.world.balance() == before


def test_price_options_and_limits_that_moved_are_named_with_what_they_mean(live: Lab, server: Routed) -> None:
    """Each with the setting it concerns, so that the form can say it beside the setting."""
    answer = models()
    entry = kling(answer)
    entry["base_credits"] = 180
    entry["max_prompt_length"] = 2500
    entry["params"][0]["options"] = ["5"]
    entry["params"].append({"key": "seed", "type": "number", "min": 0, "max": 9})
    next(item for item in entry["params"] if item["key"] == "cfg_scale").update(max=0.8, default=0.4)
    report = told(live, server, models=Reply(200, answer))
    said = " ".join(one.what + " " + one.meaning for one in report.differences)
    for words in ("180 credits; here it is 160", "2,500 characters", "no longer lists 10", "also takes seed", "is 0.8 at the server, 1 here", "has the default 0.4"):  # fmt: skip
        assert words in said, words
    assert not report.agrees
    assert [one.what for one in live.server.drift(MODEL, "duration")] == ["duration no longer lists 10."]
    assert live.server.drift(MODEL, "prompt")
    assert ["180 credits" in one.what for one in live.server.drift(MODEL, "price")] == [True]
    assert not live.server.drift(MODEL, "model")
    assert not live.server.drift("kling-v2-5-turbo-pro", "duration")


def test_drift_stays_until_a_later_check_says_otherwise(
    live: Lab, server: Routed, make_lab: Callable[..., Lab]
) -> None:
    """Also over a restart, and for this connection only."""
    answer = models()
    kling(answer)["base_credits"] = 1
    told(live, server, models=Reply(200, answer))
    live.close()
    again = make_lab(api_key=KEY, base_url=server.base_url)
    kept = again.server.contract()
    assert kept is not None
    assert "base price of 1 credits" in kept.differences[0].what
    assert told(again, server).agrees
    found = again.server.contract()
    assert found is not None
    assert found.agrees


def test_the_schema_is_compared_as_well(live: Lab, server: Routed) -> None:
    """Fields, states, codes, limits, and what a generation demands or does not take."""
    document = json.loads(json.dumps(openapi_document(server.base_url)))
    schemas = document["components"]["schemas"]
    request = schemas[f"Request.{MODEL}"]
    request["required"].append("project")
    del request["properties"]["client_request_id"]
    request["properties"]["params"]["properties"]["cfg_scale"]["maximum"] = 2
    del schemas["Generation"]["properties"]["reserved_credits"]
    schemas["Generation"]["properties"]["progress"] = {"type": "number"}
    schemas["Generation"]["properties"]["status"] = {
        "enum": ["queued", "processing", "succeeded", "failed", "cancelled"]
    }
    schemas["Error"]["properties"]["error"]["properties"]["code"] = {"enum": ["validation_failed", "content_blocked"]}
    document["paths"]["/generations/{taskId}/cancel"] = {"post": {"responses": {}}}
    del document["paths"]["/files"]
    report = told(live, server, openapi=Reply(200, document))
    said = " ".join(one.what for one in report.differences)
    for words in ("demands project", "does not take client_request_id", "largest value of cfg_scale is 2", "no field reserved_credits", "also has progress", "also be cancelled", "content_blocked", "POST /generations/{}/cancel", "no POST /files"):  # fmt: skip
        assert words in said, words


BROKEN = {
    "HTML": (Reply(200, b"<html>Welcome</html>"), "web page"),
    "nothing there": (Reply(404, {"error": {"code": "not_found", "message": "No."}}), "nothing at this address"),
    "an empty 404": (Reply(404, b""), "nothing at this address"),
    "a redirect": (Reply(302, b"", (("Location", "https://elsewhere.example/"),)), "redirect"),
    "an empty answer": (Reply(200, b""), "empty"),
    "half of one": (Reply(200, b'{"data": ['), "not whole JSON"),
    "ten megabytes": (Reply(200, b"[" + b" " * 10_000_000 + b"]"), "longer than"),
    "a fault": (Reply(500, {"error": {"code": "boom", "message": "x"}}), "HTTP 500"),
    "a refused key": (Reply(401, {"error": {"code": "api_key_revoked", "message": "x"}}), "revoked"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("question", ["models", "openapi"])
def test_any_other_answer_is_a_sentence(live: Lab, server: Routed, name: str, question: str) -> None:
    """It raises nothing, and the other three are compared all the same."""
    reply, words = BROKEN[name]
    report = told(live, server, **{question: reply})
    [trouble] = report.troubles
    assert words in trouble
    assert f"GET /{question}" in trouble
    assert (report.answered, report.agrees) == (3, False)


def test_a_task_that_cannot_exist_and_is_there_is_a_difference(live: Lab, server: Routed) -> None:
    """A wrong id could not be told from a running task then."""
    report = told(live, server, task=Reply(200, {"id": "task_that_does_not_exist", "status": "queued"}))
    assert "answered with success" in report.differences[0].what
    report = told(live, server, task=Reply(400, {"error": {"code": "validation_failed", "message": "x"}}))
    assert "HTTP 400" in report.differences[0].what


def test_no_server_at_all_is_four_sentences(make_lab: Callable[..., Lab]) -> None:
    """Nobody listens there."""
    live = make_lab(api_key=KEY, base_url="http://127.0.0.1:9", connect_timeout_s=0.5)
    report = live.check_contract()
    assert (report.answered, len(report.troubles)) == (0, 4)
    assert KEY not in json.dumps(contract_check.to_json(report))


def test_a_page_does_not_wait_for_it(live: Lab, server: Routed) -> None:
    """Asked twice it is one check."""
    server.answers["/models"] = Reply(200, models())
    live.server.ask_contract()
    live.server.ask_contract()
    until(lambda: not live.server.is_checking)
    assert live.server.contract() is not None
    assert [path for _, path in server.seen].count("/models") == 1


def test_what_the_schema_tells_is_kept_as_an_observation(live: Lab, server: Routed) -> None:
    """Success status, fields of a file, names inside a parameter: open questions that a schema settles."""
    told(live, server)
    found = {one.question: one.answer for one in live.server.observations() if one.seen}
    assert found["success_status"]
    assert "url" in found["file_fields"]
    assert "options" in found["param_fields"]
    assert found["rate_headers"] == "none seen"


WORDS = "data id paths /generations post $ref properties params model error oneOf options responses 200 content schema allOf enum"
names = st.sampled_from([*WORDS.split(), "application/json", "required"])
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
anything = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(anything, st.sampled_from([None, 200, 404, 500]))
def test_no_json_makes_a_comparison_raise(value: Any, status: int | None) -> None:
    """Whatever shape it has, and whatever it refers to in circles."""
    value = {"paths": {"/generations": {"post": value}}} if isinstance(value, dict) else value
    found = {name: ProbeResult(name, status, value, "") for name in ("credits", "models", "openapi", "task")}
    assert list(credits_differences(found["credits"])) is not None
    assert list(models_differences(found["models"])) is not None
    assert list(schema_differences(found["openapi"])) is not None
    assert list(task_differences(found["task"])) is not None
    assert list(_learned(found)) is not None


def test_a_schema_that_runs_in_circles_ends() -> None:
    """References to themselves, and alternatives of alternatives."""
    loop = {"$ref": "#/components/schemas/A"}
    document = {
        "components": {"schemas": {"A": {"oneOf": [loop, loop, loop], "allOf": [loop]}}},
        "paths": {"/generations": {"post": {"requestBody": {"content": {"application/json": {"schema": loop}}}}}},
    }
    assert list(schema_differences(ProbeResult("openapi", 200, document, "")))


def test_a_report_stays_small_whatever_a_server_lists(live: Lab, server: Routed) -> None:
    """It is read on every page; what is left out is counted."""
    listed = models()
    kling(listed)["params"] += [{"key": f"more_{number}", "type": "text", "required": True} for number in range(3000)]
    report = told(live, server, models=Reply(200, listed))
    assert len(report.differences) == contract_check.DIFFERENCES_MAX + 1
    assert "further differences" in report.differences[-1].what
    assert live.server.contract() == report
