"""The rows of History on a narrow screen: one tap opens one. A single element, since a widget per row costs too much."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import words
from pages._ui.address import open_row
from pages._ui.results import row_words
from rivya_core import GenerationRecord

_KEY = "history_list"

_CSS = """
.rv-rows { list-style: none; margin: 0; padding: 0; font-family: var(--st-font); color: var(--st-text-color); }
.rv-rows li { margin: 0; border-bottom: 1px solid var(--st-border-color); }
.rv-rows button { display: grid; grid-template-columns: 5.5rem 1fr; gap: 0.75rem; width: 100%; padding: 0.6rem 0.25rem;
  text-align: start; font: inherit; color: inherit; background: none; border: 0; cursor: pointer; }
.rv-rows button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: -2px; border-radius: 6px; }
.rv-rows .rv-poster { width: 5.5rem; height: 3.4rem; border-radius: 6px; object-fit: cover; display: block;
  background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color); }
.rv-rows .rv-prompt { unicode-bidi: plaintext; text-align: start; display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden;
  font-size: 0.875rem; line-height: 1.35; overflow-wrap: anywhere; }
.rv-rows .rv-line { display: flex; flex-wrap: wrap; gap: 0.25rem 0.5rem; align-items: center; margin-top: 0.3rem;
  font-size: 0.75rem; }
.rv-rows .rv-chip { padding: 0.05rem 0.4rem; border-radius: 6px; background: var(--chip-back); color: var(--chip-text); }
.rv-rows .rv-quiet { opacity: 0.72; }
"""

_JS = """
const put = (parent, tag, words, name) => {
  const made = document.createElement(tag);
  made.textContent = words;
  made.className = name;
  parent.appendChild(made);
  return made;
};
const chip = (parent, words, tone) => {
  const made = put(parent, "span", words, "rv-chip");
  made.style.setProperty("--chip-back", "var(--st-" + tone + "-background-color)");
  made.style.setProperty("--chip-text", "var(--st-" + tone + "-text-color)");
};
export default function ({ data, parentElement, setTriggerValue }) {
  let list = parentElement.querySelector("ul.rv-rows");
  if (!list) { list = document.createElement("ul"); list.className = "rv-rows"; parentElement.appendChild(list); }
  const held = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.row : null;
  list.replaceChildren();
  for (const row of data.rows) {
    const item = document.createElement("li");
    const button = put(item, "button", "", "");
    button.type = "button";
    button.dataset.row = row.id;
    const frame = put(button, row.poster ? "img" : "span", "", "rv-poster");
    if (row.poster) { frame.loading = "lazy"; frame.alt = ""; frame.src = row.poster; }
    const words = put(button, "span", "", "");
    put(words, "span", row.prompt, "rv-prompt");
    const line = put(words, "span", "", "rv-line");
    chip(line, row.state, row.tone);
    chip(line, row.mode, row.modeTone);
    put(line, "span", row.facts, "rv-quiet");
    button.onclick = () => {
      setTriggerValue("open", row.id);
      const main = document.querySelector('[data-testid="stMain"]');
      if (main) main.scrollTo(0, 0);
    };
    list.appendChild(item);
    if (held === row.id) button.focus({ preventScroll: true });
  }
}
"""

_list = st.components.v2.component("rivya_row_list", css=_CSS, js=_JS, isolate_styles=False)


def row_list(rows: Sequence[GenerationRecord], selected: str | None) -> None:
    """Draw the rows as a list; the page's style shows it on narrow screens only."""
    with st.container(key="history_cards"):
        _list(key=_KEY, data={"rows": [_row(row) for row in rows], "selected": selected}, on_open_change=_opened)


def _row(row: GenerationRecord) -> dict[str, str | None]:
    state = words.state_of(row)
    return {
        "id": row.id,
        "poster": row_words.poster_url(row),
        "prompt": ("★ " if row.starred else "") + words.excerpt(row.prompt, 110),
        "state": state.label,
        "tone": state.color,
        "mode": row_words.mode_word(row),
        "modeTone": "violet" if row.mode == "simulated" else "red",
        "facts": f"{row_words.credits_word(row)} · {words.clock(row.created_at)}",
    }


def _opened() -> None:
    open_row(st.session_state[_KEY].open)
    st.rerun()
