"""Full-text search: every script, any spelling, beginnings of words; and no text makes it fail."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.states import State
from tests.lab.given import accept, added, attempted, in_state

pytestmark = pytest.mark.database

PROMPTS = {
    "fox": "A red fox, running through snow-covered woods",
    "cat": "একটি বিড়াল নদীর ধারে বসে আছে",
    "café": "Crème brûlée in a Café, 35mm",
    "日本": "日本の猫 walks",
    "negative": "A quiet street",
}


@pytest.fixture
def ids(ledger: Ledger) -> dict[str, str]:
    """Rows with these prompts; one has a negative prompt."""
    made = {}
    for name, prompt in PROMPTS.items():
        params = {"duration": "5"} | ({"negative_prompt": "blurry crowds"} if name == "negative" else {})
        made[name] = added(ledger, prompt, params=params).id
    return made


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("fox", {"fox"}),
        ("FOX", {"fox"}),
        ("fox red", {"fox"}),
        ("fox cat", set()),
        ("runn", {"fox"}),
        ("unning", set()),
        ("snow-covered", {"fox"}),
        ("snow-cov", {"fox"}),
        ("বিড়াল", {"cat"}),
        ("বিড", {"cat"}),
        ("নদী ধা", {"cat"}),
        ("নদ", {"cat"}),
        ("creme brulee", {"café"}),
        ("cafe", {"café"}),
        ("35mm", {"café"}),
        ("日本", {"日本"}),
        ("blurry", {"negative"}),
        ("a", {"fox", "café", "negative"}),
        ('"fox"', {"fox"}),
        ("fox*", {"fox"}),
        ("fox OR street", set()),
        ("prompt:fox", set()),
    ],
)
def test_words_find_their_rows(
    ledger: Ledger, history: History, ids: dict[str, str], text: str, names: set[str]
) -> None:
    """Every word must be there, in prompt or negative prompt; its end may be missing; operators are plain words."""
    found = history.page(HistoryFilter(text=text)).rows
    assert {row.id for row in found} == {ids[name] for name in names}


@pytest.mark.parametrize("stored", ["বিড\u09bcাল", "বি\u09dcাল", "re\u0301sume\u0301", "r\u00e9sum\u00e9"])
@pytest.mark.parametrize("form", ["typed", "NFC", "NFD"])
def test_every_spelling_of_a_letter_finds_it(ledger: Ledger, history: History, stored: str, form: str) -> None:
    """Keyboards write the same letter as one or two characters; both find both."""
    row = added(ledger, f"the word {stored} here")
    typed = {"typed": stored, "NFC": unicodedata.normalize("NFC", stored), "NFD": unicodedata.normalize("NFD", stored)}[
        form
    ]
    assert [found.id for found in history.page(HistoryFilter(text=typed)).rows] == [row.id]


@pytest.mark.parametrize("text", ["", "   ", "-", "…", '"', "🦊", "\x00", "\ud800", "* ( ) ^"])
def test_text_without_a_word_is_no_filter(ledger: Ledger, history: History, ids: dict[str, str], text: str) -> None:
    """Nothing to look for shows everything."""
    assert history.page(HistoryFilter(text=text)).total == len(ids)


@pytest.mark.database("sqlite")
@given(text=st.text(max_size=60) | st.text(alphabet="fox\"'*():^-+{}[] ANDORNET\\%_\x00\n", max_size=60))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_text_makes_the_search_fail(history: History, text: str) -> None:
    """Whatever is typed is an answer, not an error."""
    history.page(HistoryFilter(text=text))


def test_a_very_long_text_is_searched_by_its_beginning(ledger: Ledger, history: History, ids: dict[str, str]) -> None:
    """A pasted page neither fails nor takes long."""
    assert history.page(HistoryFilter(text="fox " * 50_000)).total == 1


def test_ids_find_their_row(ledger: Ledger, history: History) -> None:
    """The whole generation id, the whole task id, or a beginning of it that is more than the common part."""
    row = added(ledger)
    attempted(ledger, row.id)
    accept(ledger, row.id, task_id="task_abc123xyz")
    in_state(ledger, State.RUNNING)
    for text in (row.id, f" {row.id} ", "task_abc123xyz", "task_abc1"):
        assert [found.id for found in history.page(HistoryFilter(text=text)).rows] == [row.id], text
    for text in (row.id[:-1], "task_", "abc123xyz"):
        assert history.page(HistoryFilter(text=text)).total == 0, text


def test_ids_obey_the_other_filters(ledger: Ledger, history: History) -> None:
    """An id of a row that the filter hides is not found."""
    row = in_state(ledger, State.FAILED)
    assert history.page(HistoryFilter(text=row.id, states=frozenset({State.SUCCEEDED}))).total == 0
