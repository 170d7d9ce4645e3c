"""What ``rivya_core/exports.py`` promises: streamed, formula-safe, marked, and filters that survive an address."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, strategies as st

from rivya_core import GenerationRequest, Lab, Sweep
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.states import State
from rivya_core.web import export_queries, exports

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    """The prompt ``=cmd|...`` stays a text."""
    assert exports.formula_safe(f"{start}1+1") == f"'{start}1+1"


BEFORE = [
    " ",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u2060",
    "\u202e",
    "\u2800",
    "\u3164",
    "\x00",
    "\x0b",
    " \t\u200d ",
]


@pytest.mark.parametrize("before", BEFORE, ids=ascii)
def test_what_is_trimmed_or_not_drawn_hides_no_formula(before: str) -> None:
    """Blanks of every kind, marks and fillers before it, and the wide and small forms of the signs."""
    for sign in "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212":
        assert exports.formula_safe(f"{before}{sign}1+1") == f"'{before}{sign}1+1", ascii(sign)


@pytest.mark.parametrize("text", [" a = b", "1-2", "\u200bfox", "a@b.example", "(=1)", "\u0985 = \u0986"], ids=ascii)
def test_a_sign_within_a_text_is_left_alone(text: str) -> None:
    """Only the first thing that is seen counts."""
    assert exports.formula_safe(text) == text


@given(st.text())
def test_no_text_cell_starts_like_a_formula(text: str) -> None:
    """Whatever a person typed."""
    cell = str(exports.formula_safe(text))
    assert not cell.startswith(exports.FORMULA_STARTS)
    assert not unicodedata.normalize("NFKC", cell).strip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("value", [-5, 0.5, None, True, "plain", ""])
def test_numbers_and_plain_texts_stay_as_they_are(value: str | float | None) -> None:
    """A negative number is a number."""
    assert exports.formula_safe(value) == value


@pytest.mark.parametrize(
    "query",
    [
        HistoryFilter(),
        HistoryFilter(
            states=frozenset({State.FAILED, State.RUNNING}), mode="live", text="fox & hound = ?", starred=True
        ),
        HistoryFilter(since=NOW, until=NOW, mode="simulated"),
        HistoryFilter(
            models=frozenset({"a", "b"}),
            params=frozenset({("cfg_scale", "0.5"), ("cfg_scale", "1"), ("aspect_ratio", "16:9")}),
            sweep="x1",
            labels=frozenset({"hero & villain", "="}),
        ),
    ],
    ids=["everything", "states and text", "times", "what and labels"],
)
def test_a_filter_survives_the_address(query: HistoryFilter) -> None:
    """What History shows is what its export link asks for."""
    assert export_queries.parse_filter(parse_qsl(export_queries.filter_query(query))) == query


@pytest.mark.parametrize("query", ["state=lost", "mode=both", "since=yesterday", "param=lost", "param=lost:1"])
def test_a_filter_that_is_none_is_refused(query: str) -> None:
    """Rather than exporting everything."""
    with pytest.raises(ValueError, match=r"lost|both|yesterday"):
        export_queries.parse_filter(parse_qsl(query))


@pytest.mark.parametrize(("mode", "word"), [("live", "live"), ("simulated", "SIMULATED"), (None, "live-and-SIMULATED")])
def test_the_file_name_says_when_rows_are_simulated(mode: str | None, word: str) -> None:
    """P8 holds for files as well."""
    assert word in exports.file_name("history", mode, "csv", NOW)  # type: ignore[arg-type] # parametrized


def test_rows_come_out_as_csv_and_json_with_their_mode(lab: Lab) -> None:
    """Both forms hold every row, say which are simulated, and read back."""
    prompt = '=HYPERLINK("http://evil.example") শিয়াল\nsecond line'
    row = lab.wait(lab.submit(GenerationRequest(prompt=prompt)).id)
    text = "".join(exports.csv_lines(lab.history.marked(lab.history.export_rows())))
    [line] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert line["prompt"] == "'" + prompt
    assert (line["id"], line["mode"]) == (row.id, "simulated")
    [record] = json.loads("".join(exports.json_lines(lab.history.marked(lab.history.export_rows()))))
    assert record["prompt"] == prompt
    assert record["mode"] == "simulated"
    assert record["params"]["duration"] == "5"


def test_marks_of_people_and_sweeps_come_after_the_other_columns(lab: Lab) -> None:
    """So that what reads an older export goes on reading it; a label that is a formula is none in a spreadsheet."""
    sweep = lab.start(Sweep("Fox, or not?", "", GenerationRequest(prompt="A fox"), {"cfg_scale": [0.5]}))
    lab.wait_sweep(sweep)
    [row] = lab.history.export_rows()
    lab.labels.add("generation", [row.id], "=hero")
    lab.reviews.rate(row.id, "overall", 4, "Ana")
    lab.reviews.rate(row.id, "overall", 5, "Ben")
    lab.reviews.add_note(row.id, 1.5, "A jump", "Ana")
    text = "".join(exports.csv_lines(lab.history.marked([row])))
    [line] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert list(line) == [*exports.COLUMNS, *exports.MARK_COLUMNS, "person"]
    told = [line[name] for name in ("sweep", "labels", "rating", "notes", "votes_won")]
    assert told == ["Fox, or not?", "'=hero", "4.5", "1.5 s Ana: A jump", "0"]
    [record] = json.loads("".join(exports.json_lines(lab.history.marked([row]))))
    assert (record["sweep"], record["labels"]) == ([{"id": sweep, "name": "Fox, or not?"}], ["=hero"])
    assert (record["ratings"], record["notes"][0]["text"]) == ({"overall": 4.5}, "A jump")


def test_an_empty_export_is_still_readable() -> None:
    """No rows give a header alone, and an empty array."""
    assert "".join(exports.csv_lines([])).startswith("\ufeffid,mode")
    assert json.loads("".join(exports.json_lines([]))) == []
