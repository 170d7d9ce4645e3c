"""The linter knows no CSS, so the browser itself says what it would drop: a misspelt property, a value or a selector it does not know."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
SHEETS = sorted(path for folder in ("pages", "rivya_core") for path in (ROOT / folder).rglob("*.css"))
HELPER = Path(__file__).parent / "scripts" / "styles.js"


def test_every_line_of_our_styles_is_understood(browser: Browser) -> None:
    """And none is said twice in one rule; what is wrong in a sheet made for this test is found."""
    page = browser.new_page()
    page.add_script_tag(path=HELPER)
    found = {
        path.relative_to(ROOT).as_posix(): page.evaluate("(css) => faultsOf(css)", path.read_text(encoding="utf-8"))
        for path in SHEETS
    }
    wrong = "a {\n  colr: red;\n  color: rot;\n  margin: 0;\n  margin: 0;\n}\np:hoover {\n  top: 0;\n}\n"
    faults = page.evaluate("(css) => faultsOf(css)", wrong)
    page.close()
    assert len(SHEETS) >= 20
    assert {path: faults for path, faults in found.items() if faults} == {}
    assert faults == ["a { colr: red }", "a { color: rot }", "a { margin: 0 }", "p:hoover"]
