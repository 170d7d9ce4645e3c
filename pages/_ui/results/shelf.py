"""A shelf of posters: recent clips as pictures that can be chosen, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import words
from pages._ui.direction import COMPONENT_CSS
from rivya_core import GenerationRecord

_HTML = """
<ul class="shelf"></ul>
"""

_CSS = """
.shelf { list-style: none; margin: 0; padding: 0; display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); }
button { all: unset; box-sizing: border-box; display: block; width: 100%; cursor: pointer; border-radius: var(--st-base-radius); }
button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 3px; }
.picture { position: relative; display: block; aspect-ratio: 16 / 9; overflow: hidden; border-radius: 8px; background: #0b0b12; }
img { width: 100%; height: 100%; object-fit: contain; display: block; transition: transform .2s; }
button:hover img { transform: scale(1.03); }
button[aria-pressed="true"] .picture { box-shadow: 0 0 0 2px var(--st-background-color), 0 0 0 4px var(--st-primary-color); }
.mark { position: absolute; left: 6px; top: 6px; padding: 1px 6px; border-radius: 5px; color: #fff;
  background: rgb(76 29 149 / .88); font: 600 9.5px/1.6 var(--st-font); letter-spacing: .06em; }
.length { position: absolute; right: 6px; bottom: 6px; padding: 1px 6px; border-radius: 5px; color: #fff;
  background: rgb(0 0 0 / .72); font: 500 11px/1.6 var(--st-font); }
.name { display: block; margin-top: 7px; font: 400 13px/1.4 var(--st-font); color: var(--st-text-color);
  display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; }
@media (prefers-reduced-motion: reduce) { img { transition: none; } }
"""

_JS = """
function part(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const shelf = parentElement.querySelector('.shelf');
  const focused = parentElement.activeElement && parentElement.activeElement.dataset.id;
  shelf.replaceChildren(...data.clips.map((clip) => {
    const item = part('li');
    const button = part('button');
    button.type = 'button';
    button.dataset.id = clip.id;
    button.setAttribute('aria-pressed', String(clip.id === data.shown));
    button.onclick = () => setTriggerValue('pick', clip.id);
    const picture = part('span', 'picture');
    if (clip.poster) {
      const image = part('img');
      image.loading = 'lazy';
      image.alt = '';
      image.src = clip.poster;
      picture.append(image);
    }
    if (clip.simulated) picture.append(part('span', 'mark', 'SIMULATED'));
    if (clip.length) picture.append(part('span', 'length', clip.length));
    button.append(picture, part('span', 'name', clip.name));
    item.append(button);
    return item;
  }));
  if (focused) {
    const again = shelf.querySelector(`[data-id="${CSS.escape(focused)}"]`);
    if (again) again.focus();
  }
}
"""

_component = st.components.v2.component("rivya_shelf", html=_HTML, css=_CSS + COMPONENT_CSS, js=_JS)


def shelf(records: Sequence[GenerationRecord], *, shown: str | None, key: str) -> str | None:
    """Draw the posters; the id of the clip that was chosen just now, or None."""
    result = _component(
        key=key,
        data={
            "shown": shown or "",
            "clips": [
                {
                    "id": record.id,
                    "poster": f"/posters/{record.id}.jpg" if record.poster_key else "",
                    "name": words.excerpt(record.prompt, 70),
                    "length": f"{record.clip_duration_s:.0f} s" if record.clip_duration_s else "",
                    "simulated": record.mode == "simulated",
                }
                for record in records
            ],
        },
        on_pick_change=_nothing,
    )
    return str(result.pick) if result.pick else None


def _nothing() -> None:
    """Streamlit offers a trigger only together with a callback."""
