"""Generations under way: one component draws all rows, so that a tick costs a few messages whatever their number.

A row alone is drawn with all its steps; several are drawn a line each, so that the clip below stays in sight.
Elapsed times count in the browser, from the moment the task began as ``words.typical`` does, and before it from the
submission; no percentage is shown, because Rivya tells none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from pages._ui import words
from pages._ui.direction import COMPONENT_CSS
from pages._ui.modes import EACH, Marks
from rivya_core import GenerationRecord, Lab, State
from rivya_core.lab import unwatched
from rivya_core.lab.records import Pause

MAX_ROWS = 20
UNWATCHED = "Not watched: nothing waits for it. It is read every 6 h, and the clip is kept should it come."
HELD = "Its credits stay held until the balance shows that nothing was taken."
GIVEN_BACK = "The balance showed that nothing was taken, so its credits were given back."

_HTML = """
<ul class="list"></ul>
"""

_CSS = """
.list { list-style: none; margin: 0; padding: 0; }
li { padding: 14px 0 15px; border-top: 1px solid var(--st-border-color); }
li:first-child { border-top: 0; padding-top: 2px; }
li:last-child { padding-bottom: 0; }
.head { display: flex; gap: 12px; align-items: flex-start; justify-content: space-between; }
.title { margin: 0; flex: 1 1 auto; min-width: 0; font: 450 14.5px/1.45 var(--st-font); color: var(--st-text-color);
  display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; overflow-wrap: anywhere; }
.time { flex: none; font: 550 14.5px/1.45 var(--st-font); font-variant-numeric: tabular-nums; color: var(--st-text-color); }
.facts { margin: 2px 0 0; font: 400 12.5px/1.5 var(--st-font); color: var(--st-text-color); opacity: .76; }
.steps { list-style: none; display: grid; grid-auto-flow: column; grid-auto-columns: 1fr; margin: 12px 0 0; padding: 0; }
.steps li { position: relative; border: 0; padding: 15px 4px 0 0; font: 400 12px/1.35 var(--st-font);
  color: var(--st-text-color); }
.steps li::before { content: ""; position: absolute; top: 3px; left: 0; width: 9px; height: 9px; border-radius: 50%;
  box-sizing: border-box; border: 2px solid var(--st-border-color); background: var(--st-background-color); z-index: 1; }
.steps li::after { content: ""; position: absolute; top: 6.5px; left: 9px; right: 0; height: 2px; background: var(--st-border-color); }
.steps li:last-child::after { display: none; }
.steps .done::before { background: var(--st-primary-color); border-color: var(--st-primary-color); }
.steps .done::after { background: var(--st-primary-color); }
.steps .now::before { border-color: var(--st-primary-color); animation: beat 1.6s ease-in-out infinite; }
.steps .now .step { font-weight: 600; }
.steps .todo { opacity: .72; }
.step, .at { display: block; }
.at { font-variant-numeric: tabular-nums; opacity: .78; font-size: 11.5px; }
.foot { display: flex; gap: 12px; align-items: center; justify-content: space-between; margin-top: 9px; }
.notes { min-width: 0; }
.note { margin: 0; font: 400 12.5px/1.5 var(--st-font); color: var(--st-text-color); opacity: .8; }
.note.warn { opacity: 1; color: var(--st-orange-text-color); }
.acts { display: flex; gap: 8px; flex: none; }
.acts button { font: 450 13px/1 var(--st-font); color: var(--st-text-color); background: transparent; cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius); padding: 7px 11px; }
.acts button:disabled { opacity: .7; cursor: default; }
.acts button:hover { border-color: var(--st-primary-color); }
.acts button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
.list.dense { max-height: 236px; overflow-y: auto; }
.list.dense:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
.dense > li { padding: 5px 0; }
.dense > li:first-child { padding-top: 0; }
.dense .head { align-items: center; min-height: 30px; }
.dense .title { -webkit-line-clamp: 1; flex-basis: 160px; }
.dense .facts { flex: none; margin: 0; }
.bars { flex: none; display: flex; gap: 3px; }
.bar { width: 16px; height: 5px; border-radius: 3px; background: var(--st-border-color); }
.bar.done { background: var(--st-primary-color); }
.bar.now { background: var(--st-primary-color); opacity: .55; }
.now-step { flex: none; width: 66px; font: 450 12.5px/1.5 var(--st-font); color: var(--st-text-color); }
.dense .time { min-width: 54px; text-align: right; font-size: 13px; }
.dense .acts button { padding: 5px 9px; }
.dense .note { padding-bottom: 3px; }
@keyframes beat { 50% { box-shadow: 0 0 0 4px color-mix(in srgb, var(--st-primary-color) 24%, transparent); } }
@media (prefers-reduced-motion: reduce) { .steps .now::before { animation: none; } }
@media (max-width: 480px) {
  .steps li { font-size: 11px; } .at { font-size: 10.5px; }
  .dense .head { flex-wrap: wrap; gap: 2px 10px; } .dense .title { flex-basis: 100%; }
  .list.dense { max-height: 300px; }
  .dense .bar { width: 9px; } .dense .now-step { width: auto; } .dense .time { min-width: 36px; margin-left: auto; }
  .dense .head:has(.acts) .bars { display: none; }
}
"""

_JS = """
const clocks = new WeakMap();

function part(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

function acts(row, act) {
  const group = part('div', 'acts');
  for (const action of row.acts) {
    const button = part('button', '', action.label);
    button.type = 'button';
    button.dataset.act = action.name;
    button.setAttribute('aria-label', `${action.label}: ${row.title}`);
    button.onclick = () => {
      button.disabled = true;  // taken, before the server has heard of it
      button.textContent = action.doing;
      act(action.name, row.id);
    };
    group.append(button);
  }
  return group;
}

function notes(row, dense) {
  const group = part('div', 'notes');
  for (const note of row.notes) {
    if (!(dense && note.aside)) group.append(part('p', note.warn ? 'note warn' : 'note', note.text));
  }
  return group;
}

function line(row, act) {
  const item = part('li');
  item.dataset.id = row.id;
  const head = part('div', 'head');
  const time = part('span', 'time');
  const bars = part('span', 'bars');
  bars.setAttribute('aria-hidden', 'true');
  for (const step of row.steps) bars.append(part('span', `bar ${step.phase}`));
  const now = row.steps.find((step) => step.phase === 'now');
  const title = part('p', 'title', row.title);
  title.title = row.title;
  head.append(title, part('p', 'facts', row.brief), bars, part('span', 'now-step', now ? now.name : ''), time);
  if (row.acts.length) head.append(acts(row, act));
  item.append(head, notes(row, true));
  return { item, time };
}

function draw(row, act) {
  const item = part('li');
  item.dataset.id = row.id;
  const head = part('div', 'head');
  const time = part('span', 'time');
  head.append(part('p', 'title', row.title), time);
  item.append(head, part('p', 'facts', row.facts));
  const steps = part('ol', 'steps');
  for (const step of row.steps) {
    const one = part('li', step.phase);
    if (step.phase === 'now') one.setAttribute('aria-current', 'step');
    one.append(part('span', 'step', step.name), part('span', 'at', step.at));
    steps.append(one);
  }
  const foot = part('div', 'foot');
  foot.append(notes(row, false));
  if (row.acts.length) foot.append(acts(row, act));
  item.append(steps, foot);
  return { item, time };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector('.list');
  const active = parentElement.activeElement;
  const focus = active && active.dataset.act && [active.dataset.act, active.closest('[data-id]').dataset.id];
  const received = performance.now();
  const dense = data.rows.length > 1;
  list.classList.toggle('dense', dense);
  if (dense) list.tabIndex = 0; else list.removeAttribute('tabindex');
  const make = dense ? line : draw;
  const rows = data.rows.map((row) => ({ ...make(row, (name, id) => setTriggerValue('act', { name, id })), age: row.age_s }));
  list.replaceChildren(...rows.map((row) => row.item));
  if (focus) {
    const again = list.querySelector(`[data-id="${CSS.escape(focus[1])}"] [data-act="${CSS.escape(focus[0])}"]`);
    if (again) again.focus();
  }
  const tick = () => {
    for (const row of rows) row.time.textContent = span(row.age + (performance.now() - received) / 1000);
  };
  clearInterval(clocks.get(parentElement));
  clocks.set(parentElement, setInterval(tick, 1000));
  tick();
  return () => { if (!parentElement.isConnected) clearInterval(clocks.get(parentElement)); };
}
"""

_component = st.components.v2.component("rivya_live_list", html=_HTML, css=_CSS + COMPONENT_CSS, js=_JS)

_STEPS: tuple[tuple[str, State], ...] = (
    ("Waiting", State.WAITING),
    ("Sending", State.SUBMITTING),
    ("Queued", State.RUNNING),
    ("Rendering", State.RUNNING),
    ("Saving", State.SAVING),
)


def live_list(
    lab: Lab,
    records: Sequence[GenerationRecord],
    pause: Pause | None,
    typical: Callable[[GenerationRecord], str],
    *,
    key: str,
    marks: Marks = EACH,
    on_act: Callable[[str, str], None] | None = None,
) -> tuple[str, str] | None:
    """Draw the rows; the action and the id of the generation that a button was pressed for just now, or None.

    ``on_act``: called with both instead, before the page is drawn again.
    """

    def pressed() -> None:
        act = st.session_state[key].act
        if on_act is not None and isinstance(act, Mapping):
            on_act(str(act["name"]), str(act["id"]))

    together = Counter(record.intent_id for record in records)
    result = _component(
        key=key,
        data={
            "rows": [
                _row(lab, record, pause, typical(record), marks.of(record.mode))
                | {"brief": _brief(record, marks.of(record.mode), together[record.intent_id])}
                for record in records[:MAX_ROWS]
            ]
        },
        on_act_change=pressed,
    )
    chosen = result.act if on_act is None else None
    return (str(chosen["name"]), str(chosen["id"])) if isinstance(chosen, Mapping) else None


def _row(lab: Lab, record: GenerationRecord, pause: Pause | None, typical: str, mark: str) -> dict[str, Any]:
    return {
        "id": record.id,
        "title": words.excerpt(record.prompt, 160),
        "facts": _facts(record, mark),
        "age_s": record.elapsed_s(datetime.now(UTC)),
        "steps": _steps(record),
        "notes": _notes(lab, record, pause, typical),
        "acts": _acts(lab, record),
    }


def _brief(record: GenerationRecord, mark: str, takes: int) -> str:
    return " · ".join(part for part in (mark, f"take {record.take}" if takes > 1 or record.take > 1 else "") if part)


def _facts(record: GenerationRecord, mark: str) -> str:
    take = f"take {record.take}" if record.take > 1 else ""
    held = words.credits(record.reserved_credits or record.expected_credits) + (
        " reserved" if record.reserved_credits else " expected"
    )
    return " · ".join(part for part in (mark, words.shape(record), take, held) if part)


def _steps(record: GenerationRecord) -> list[dict[str, str]]:
    times = (
        record.created_at,
        record.first_attempt_at,
        record.submitted_at,
        record.processing_at,
        record.ready_at,
    )
    now = _position(record)
    return [
        {
            "name": name,
            "phase": "done" if index < now else "now" if index == now else "todo",
            "at": words.clock(moment, seconds=True, today=False) if moment is not None and index <= now else "",
        }
        for index, ((name, _state), moment) in enumerate(zip(_STEPS, times, strict=True))
    ]


def _position(record: GenerationRecord) -> int:
    if record.state is State.RUNNING:
        return 3 if record.processing_at is not None or record.task_status == "processing" else 2
    if record.state in {State.SAVING, State.UNSAVED}:
        return 4
    return 1 if record.state is State.SUBMITTING else 0


def _notes(lab: Lab, record: GenerationRecord, pause: Pause | None, typical: str) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = []
    if record.connection != lab.connection:
        notes.append({"text": f"Waits for its own connection: {record.connection}", "warn": True})
    elif record.state is State.WAITING and pause is not None:
        notes.append({"text": "Waits because the queue is paused.", "warn": True})
    if record.state is State.SUBMITTING and record.attempts > 1:
        notes.append(
            {"text": f"Asked {record.attempts} times, always as the same request: it can be charged once only."}
        )
    trouble = _trouble(lab, record)
    if trouble:
        notes.append({"text": trouble, "warn": True})
    if record.unwatched_at is not None:
        notes.append({"text": f"{UNWATCHED} {GIVEN_BACK if record.settlement == 'released' else HELD}"})
    elif is_overdue(lab, record):
        notes.append({"text": "Unusually long. The task is kept and read until it ends.", "warn": True})
    elif typical:
        notes.append({"text": typical, "aside": True})
    return notes


def _trouble(lab: Lab, record: GenerationRecord) -> str:
    """Say what went wrong last with a row that goes on by itself, and until when it does where that has an end."""
    if record.error is None or record.state not in {State.SUBMITTING, State.RUNNING, State.SAVING}:
        return ""
    if record.open_attempts == 0 or record.first_attempt_at is None or record.task_id is not None:
        return words.sentences(record.error.title, "It is tried again by itself")
    until = record.first_attempt_at + timedelta(seconds=lab.settings.resend_window_s)
    return words.sentences(
        record.error.title, f"Tried again until {words.clock(until, today=False)}, then it is yours to decide"
    )


def _acts(lab: Lab, record: GenerationRecord) -> list[dict[str, str]]:
    if record.state is State.WAITING:
        return [{"name": "cancel", "label": "Cancel", "doing": "Cancelling…"}]
    overdue = is_overdue(lab, record)
    late = overdue or record.error is not None  # its reads are far apart then
    if record.state is not State.RUNNING or not late or lab.settings.read_only:
        return []
    acts = [{"name": "check", "label": "Check now", "doing": "Checking…"}]
    if record.unwatched_at is not None:
        acts.append({"name": "watch", "label": "Watch again", "doing": "Watching…"})
    elif overdue:
        acts.append({"name": "unwatch", "label": "Stop watching", "doing": "Stopping…"})
    return acts


def is_overdue(lab: Lab, record: GenerationRecord) -> bool:
    """Tell whether a task is unusually long now, so that a person may stop watching it."""
    return unwatched.is_overdue(record, datetime.now(UTC), lab.settings.overdue_after_s)
