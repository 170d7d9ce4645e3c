"""Two lists of words: facts (label and value) and a timeline. One element each, however long, and text only.

Values come from people and from the server. They reach the page as ``textContent``, so nothing in them is ever read as
Markdown or HTML; a widget per value would cost ten times the messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st


class Fact(NamedTuple):
    """One line: what it is, what it says, a smaller remark. ``copy`` adds a copy button and the code typeface."""

    label: str
    value: str
    note: str = ""
    copy: bool = False


class Moment(NamedTuple):
    """One point of a timeline. ``tone`` is the name of a theme colour: green, red, orange, blue, gray."""

    when: str
    what: str
    gap: str = ""
    note: str = ""
    tone: str = "gray"


_CSS = """
.rv-facts { display: grid; grid-template-columns: minmax(7.5rem, max-content) minmax(0, 1fr); gap: 0; margin: 0;
  font-family: var(--st-font); font-size: 0.875rem; line-height: 1.45; color: var(--st-text-color); }
.rv-facts > div { display: contents; }
.rv-facts dt, .rv-facts dd { margin: 0; padding: 0.36rem 0; border-bottom: 1px solid var(--st-border-color); }
.rv-facts > div:last-child dt, .rv-facts > div:last-child dd { border-bottom: 0; }
.rv-facts dt { padding-right: 1rem; }
.rv-facts dt span { opacity: 0.72; }
.rv-facts dd { unicode-bidi: plaintext; text-align: start; overflow-wrap: anywhere; white-space: pre-wrap; }
.rv-facts .rv-note { display: block; opacity: 0.72; font-size: 0.8rem; }
.rv-facts code { font-family: var(--st-code-font); font-size: 0.8rem; background: none; padding: 0; color: inherit; }
.rv-facts button { font: inherit; font-size: 0.75rem; margin-left: 0.5rem; padding: 0 0.4rem; cursor: pointer;
  color: inherit; background: var(--st-secondary-background-color); border: 1px solid var(--st-border-color);
  border-radius: 6px; }
.rv-facts button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
.rv-time { list-style: none; margin: 0; padding: 0; font-family: var(--st-font); font-size: 0.875rem; line-height: 1.4;
  color: var(--st-text-color); }
.rv-time li { position: relative; padding: 0 0 0.8rem 1.4rem; margin: 0; }
.rv-time li::before { content: ""; position: absolute; left: 0.2rem; top: 0.35rem; width: 0.55rem; height: 0.55rem;
  border-radius: 50%; background: var(--dot); }
.rv-time li::after { content: ""; position: absolute; left: 0.43rem; top: 1.05rem; bottom: -0.2rem; width: 1px;
  background: var(--st-border-color); }
.rv-time li:last-child::after { display: none; }
.rv-time .rv-line { display: flex; justify-content: space-between; gap: 0.75rem; }
.rv-time .rv-what { unicode-bidi: plaintext; font-weight: 550; overflow-wrap: anywhere; }
.rv-time .rv-when { white-space: nowrap; font-variant-numeric: tabular-nums; opacity: 0.72; }
.rv-time .rv-note { unicode-bidi: plaintext; display: block; opacity: 0.72; font-size: 0.8rem; overflow-wrap: anywhere; }
"""

_FACTS_JS = """
const put = (parent, tag, words, name) => {
  const made = document.createElement(tag);
  made.textContent = words;
  if (name) made.className = name;
  parent.appendChild(made);
  return made;
};
export default function ({ data, parentElement }) {
  let list = parentElement.querySelector("dl.rv-facts");
  if (!list) { list = document.createElement("dl"); list.className = "rv-facts"; parentElement.appendChild(list); }
  list.replaceChildren();
  for (const fact of data) {
    const row = document.createElement("div");
    put(put(row, "dt", ""), "span", fact.label);
    const value = put(row, "dd", "");
    put(value, fact.copy ? "code" : "span", fact.value);
    if (fact.copy) {
      const button = put(value, "button", "Copy");
      button.type = "button";
      button.setAttribute("aria-label", "Copy " + fact.label);
      button.onclick = async () => {
        try { await navigator.clipboard.writeText(fact.value); button.textContent = "Copied"; }
        catch { button.textContent = "Select and copy"; }
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      };
    }
    if (fact.note) put(value, "span", fact.note, "rv-note");
    list.appendChild(row);
  }
}
"""

_TIME_JS = """
const put = (parent, tag, words, name) => {
  const made = document.createElement(tag);
  made.textContent = words;
  made.className = name;
  parent.appendChild(made);
  return made;
};
export default function ({ data, parentElement }) {
  let list = parentElement.querySelector("ol.rv-time");
  if (!list) { list = document.createElement("ol"); list.className = "rv-time"; parentElement.appendChild(list); }
  list.replaceChildren();
  for (const moment of data) {
    const item = document.createElement("li");
    item.style.setProperty("--dot", "var(--st-" + moment.tone + "-color, var(--st-primary-color))");
    const line = put(item, "div", "", "rv-line");
    put(line, "span", moment.what, "rv-what");
    put(line, "span", moment.when + (moment.gap ? " · " + moment.gap : ""), "rv-when");
    if (moment.note) put(item, "span", moment.note, "rv-note");
    list.appendChild(item);
  }
}
"""

_facts = st.components.v2.component("rivya_facts", css=_CSS, js=_FACTS_JS, isolate_styles=False)
_timeline = st.components.v2.component("rivya_timeline", css=_CSS, js=_TIME_JS, isolate_styles=False)


def facts(lines: Sequence[Fact], *, key: str) -> None:
    """Draw labels with their values; lines without a value are left out."""
    _facts(key=key, data=[line._asdict() for line in lines if line.value])


def timeline(moments: Sequence[Moment], *, key: str) -> None:
    """Draw moments in their order, with the time that passed between them."""
    _timeline(key=key, data=[moment._asdict() for moment in moments])
