"""Words of scripts that write no blanks between them are found wherever they stand; others as words, whatever their form."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st

from rivya_core.lab.ledger import migrations
from rivya_core.lab.ledger.database import begin_immediate, migrate, open_database
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.history.search_words import BETWEEN_TEXTS, stored_words, words_of
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.records import HistoryFilter
from tests.lab.given import added, new

pytestmark = pytest.mark.database

# ruff: noqa: RUF001 - letters that look like others are what is tested
FOUND = {
    "Chinese": ("一辆红色自行车停在雨夜的街道上", ["自行车", "雨夜", "车", "上", "一辆红色", "街道上"]),
    "Japanese": ("雨の夜の街に停まる赤い自転車", ["自転車", "夜の街", "赤い", "車"]),
    "katakana": ("カメラーがゆっくり動く", ["カメラ", "ｶﾒﾗ", "メラー", "ゆっくり"]),
    "half width": ("ｶﾞﾗｽ越しのＦＰＶ映像", ["ガラス", "ガ", "fpv", "FPV映像", "映像"]),
    "Korean": (
        "비 오는 밤거리의 빨간자전거",
        ["자전거", "밤거리", "거리", "비", unicodedata.normalize("NFD", "자전거")],
    ),
    "Korean apart": (unicodedata.normalize("NFD", "빨간자전거"), ["자전거", "전"]),
    "Thai": ("รถจักรยานสีแดงในคืนฝนตก", ["จักรยาน", "สีแดง", "ฝน", "ก"]),
    "Thai am": ("แม่น้ำยามเย็น", ["น้ำ", "แม่น้ำ", "เย็น"]),
    "Lao": ("ລົດຖີບສີແດງໃນຄືນຝົນຕົກ", ["ສີແດງ", "ຝົນ"]),
    "Khmer": ("កង់ក្រហមនៅលើផ្លូវ", ["ក្រហម", "ផ្លូវ"]),
    "Burmese": ("စက်ဘီးအနီရောင်", ["အနီ", "ရောင်"]),
    "mixed": ("无人机FPV镜头穿过4K峡谷", ["FPV", "镜头", "机FPV", "FPV镜", "4k", "4k峡谷", "无人机FPV镜头穿过"]),
    "beyond the first plane": ("a𠮷野家b 𠮷", ["𠮷野", "野家", "家b", "𠮷"]),
    "Persian": ("دوچرخه‌های قرمز", ["دوچرخه", "های", "دوچرخه‌های", "دوچرخه‌ها"]),
    "Arabic with vowels": ("دَرَّاجَة حمـــراء", ["دراجة", "دَرَّاجَة", "حمراء"]),
    "Hebrew with points": ("אוֹפַנַּיִם אדומים", ["אופנים", "אדומ"]),
    "Greek": ("Το κόκκινο ποδήλατο", ["κοκκινο", "ΚΌΚΚΙΝΟ"]),
    "Russian": ("Ёлка и йод", ["елка", "ёлка", "йод"]),
    "German": ("Eine Straße", ["strasse", "STRASSE", "straß"]),
    "Turkish": ("İstanbul'da gece", ["istanbul", "İSTANBUL"]),
    "Vietnamese": ("chiếc xe đạp đỏ", ["chiec", "xe đạp"]),
    "Hindi": ("लाल क़िला", ["क़िला", "क\u093cिला"]),
    "Bengali joined": ("র\u200d্যাব র‌্যাম", ["র্যাব", "র্যাম"]),
    "soft hyphen": ("photo\u00adgraphy zero\u200bwidth", ["photography", "zerowidth"]),
    "signs of search": ('a NEAR(b, "c") ^d* e:f -g', ["NEAR(b", '"c"', "^d*", "e:f", "-g"]),
    "emoji": ("a 🦊🏽 fox ❤️", ["fox 🦊", "🦊 fox", "❤️ fox"]),
    "a ligature": ("ﬁne ﬂow №5", ["fine", "flow", "no5"]),
}


@pytest.mark.parametrize(("prompt", "queries"), FOUND.values(), ids=FOUND)
def test_each_query_finds_the_prompt(ledger: Ledger, history: History, prompt: str, queries: list[str]) -> None:
    """By the whole search, with another row that must not be found."""
    row = added(ledger, prompt)
    added(ledger, "something else 其他 다른 อื่น")
    for query in queries:
        assert [found.id for found in history.page(HistoryFilter(text=query)).rows] == [row.id], query


@pytest.mark.parametrize(
    ("prompt", "query"),
    [
        ("红色的车", "车红"),
        ("红车", "红色车"),
        ("自行 车", "自行车"),
        ("雨。夜", "雨夜"),
        ("foxglove", "glove"),
        ("自転車", "自動車"),
        ("자전거", "전자"),
    ],
)
def test_what_is_not_there_is_not_found(ledger: Ledger, history: History, prompt: str, query: str) -> None:
    """Pairs must stand one behind the other, and what is parted stays so."""
    added(ledger, prompt)
    assert history.page(HistoryFilter(text=query)).total == 0


def test_no_query_reaches_from_the_prompt_into_the_negative_one(ledger: Ledger, history: History) -> None:
    """The end of one and the beginning of the other are no phrase; both alone are found."""
    row = added(ledger, "雨夜 end", params={"duration": "5", "negative_prompt": "街灯 blur"})
    for query, found in (("夜街", 0), ("end-街灯", 0), ("街灯", 1), ("雨夜 blur", 1)):
        assert history.page(HistoryFilter(text=query)).total == found, query
    assert row.prompt == "雨夜 end"


def test_a_long_query_is_searched_by_its_beginning(ledger: Ledger, history: History) -> None:
    """A pasted prompt without blanks, and one whose characters come apart, find their row."""
    for prompt in ("红色自行车在雨夜" * 200, "빨간자전거 밤거리 " * 150):
        row = added(ledger, prompt)
        for form in ("NFC", "NFD"):
            query = unicodedata.normalize(form, prompt)
            assert [found.id for found in history.page(HistoryFilter(text=query)).rows] == [row.id]


CJK = st.text(alphabet="一辆红色自行车ノ夜ー自전거จักรยานກขខក្រ", min_size=1, max_size=30)


def found_in(stored: list[str], wanted: list[str]) -> bool:
    """Tell whether the words stand one behind the other, the last one perhaps cut: what an index's phrase does."""
    return any(
        stored[at : at + len(wanted) - 1] == wanted[:-1] and stored[at + len(wanted) - 1].startswith(wanted[-1])
        for at in range(len(stored) - len(wanted) + 1)
    )


@given(before=CJK, wanted=CJK, after=CJK | st.sampled_from(["", " x", "fpv", "。"]))
def test_every_piece_of_a_text_without_blanks_is_found(before: str, wanted: str, after: str) -> None:
    """Wherever it stands and however long it is."""
    assert found_in(words_of(before + wanted + after), words_of(wanted, open_end=True))


@given(text=st.text(max_size=80))
def test_stored_words_are_stable_and_hold_nothing_that_needs_quoting(text: str) -> None:
    """Words of words are the same words; only letters, digits, marks and single blanks are stored."""
    words = words_of(text)
    assert all(words)
    assert not any(character in '"*()^:-+' or character.isspace() for word in words for character in word)
    for form in ("NFC", "NFD"):
        assert words_of(unicodedata.normalize(form, text)) == words


def test_two_texts_are_kept_apart() -> None:
    """An empty one leaves nothing behind."""
    assert stored_words("a b", "c") == f"a b {BETWEEN_TEXTS} c"
    assert stored_words("a", "") == "a"


def test_rows_of_before_are_found_after_the_upgrade(tmp_path: Path) -> None:
    """A filled file of the revision before gets its words, and goes on with new rows, changes and deletions."""
    scripts = tmp_path / "before"
    shutil.copytree(Path(migrations.__file__).parent, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    for revision in (scripts / "versions").glob("v*.py"):
        if revision.name >= "v0004":
            revision.unlink()
    path = tmp_path / "lab.sqlite3"
    database = open_database(path)
    migrate(database, path, scripts=scripts)
    ledger = Ledger(database)
    columns = {column["name"] for column in sa.inspect(database).get_columns("lab_generations")}
    rows = []
    for prompt in ["一辆红色自行车", "Crème brûlée", "বিড়াল নদীর"] * 700:
        row = ledger._new_columns(new(prompt), ledger.clock()) | {"attempts": 0, "open_attempts": 0, "starred": False}
        plain = {"request": "{}", "created_at": "2026-11-25 12:00:00.000000"}
        rows.append({name: value for name, value in (row | plain).items() if name in columns})
    table = sa.table("lab_generations", *map(sa.column, rows[0]))
    with begin_immediate(database) as connection:
        connection.execute(sa.insert(table), rows)
    migrate(database, path)
    history = History(database)
    for query in ("自行车", "brulee", "নদী"):
        assert history.page(HistoryFilter(text=query)).total == 700, query
    added(ledger, "新的自行车")
    assert history.page(HistoryFilter(text="自行车")).total == 701
    with begin_immediate(database) as connection:
        connection.exec_driver_sql("DELETE FROM lab_generations WHERE prompt = 'Crème brûlée'")
        connection.exec_driver_sql("INSERT INTO lab_prompts_fts (lab_prompts_fts) VALUES ('integrity-check')")
    assert history.page(HistoryFilter(text="brulee")).total == 0
    database.dispose()
