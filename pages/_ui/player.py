"""The clip player. It keeps playing over ticks and reruns: one component per clip, keyed by the generation's id.

``st.video`` refuses root-relative addresses, has no poster and restarts when an element is inserted before it.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages._ui import words
from rivya_core import GenerationRecord
from rivya_core.lab.clips import DAMAGED, UNOPENED

_HTML = """
<figure class="frame">
  <video controls playsinline preload="metadata"></video>
  <span class="mark" hidden>SIMULATED</span>
</figure>
<p class="trouble" role="status" hidden>Your browser may not play this clip. <a download>Download it.</a></p>
<p class="keys" aria-hidden="true">Space plays · comma and full stop step one frame · L loops · F full screen</p>
"""

_CSS = """
:host { display: block; }
.frame { position: relative; margin: 0; border-radius: var(--st-base-radius); overflow: hidden; background: #000; }
video { display: block; width: 100%; max-height: min(66vh, 560px); aspect-ratio: var(--ratio, 16 / 9); object-fit: contain;
  background: #000; }
video:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: -3px; }
.mark { position: absolute; top: 10px; left: 10px; padding: 3px 8px; border-radius: 6px; pointer-events: none;
  font: 600 11px/1.5 var(--st-font); letter-spacing: .06em; color: #fff; background: rgb(76 29 149 / .88); }
.mark[hidden] { display: none; }
.trouble { margin: 6px 2px 0; font: 400 14px/1.5 var(--st-font); color: var(--st-text-color); }
.trouble[hidden] { display: none; }
.trouble a { color: var(--st-link-color); }
.keys { margin: 6px 2px 0; font: 400 12px/1.4 var(--st-font); color: var(--st-text-color); opacity: 0; height: 0;
  transition: opacity .15s; }
:host(:focus-within) .keys, .frame:focus-within + .keys { opacity: .72; height: auto; }
@media (hover: none) { .keys { display: none; } }
"""

_JS = """
const known = new WeakMap();
const FRAME_S = 1 / 24;

// Space and arrows stay with the browser's own controls; these keys come on top.
function press(video, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ',': -FRAME_S, '.': FRAME_S }[event.key];
  if (step !== undefined) {
    video.pause();
    video.currentTime = Math.max(0, Math.min(video.duration || 0, video.currentTime + step));
  } else if (event.key === 'l') {
    video.loop = !video.loop;
  } else if (event.key === 'f') {
    if (document.fullscreenElement) document.exitFullscreen(); else video.requestFullscreen();
  } else {
    if (event.key === 'c' || event.key === 'r') event.stopPropagation();  // Streamlit would clear caches or run again
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

export default function ({ data, parentElement, setStateValue }) {
  const video = parentElement.querySelector('video');
  const mark = parentElement.querySelector('.mark');
  const trouble = parentElement.querySelector('.trouble');
  const last = known.get(parentElement);
  mark.hidden = !data.simulated;
  video.setAttribute('aria-label', data.label);
  if (!last || last.src !== data.src) {
    known.set(parentElement, { src: data.src });
    video.style.setProperty('--ratio', data.ratio);
    if (data.poster) video.poster = data.poster; else video.removeAttribute('poster');
    trouble.hidden = true;
    trouble.querySelector('a').href = data.download;
    video.src = data.src;
  }
  video.onerror = () => { if (video.getAttribute('src')) trouble.hidden = false; };
  video.onloadedmetadata = () => { trouble.hidden = video.videoWidth > 0; };  // sound alone is no clip
  const report = (playing) => setStateValue('playing', playing);
  video.onplay = () => report(true);
  video.onpause = () => { if (!video.seeking) report(false); };
  video.onended = () => report(false);
  video.onkeydown = (event) => press(video, event);
  if (!last && data.believed && video.paused) report(false);  // this is a new element: what played before it is gone
  return () => {
    if (parentElement.isConnected) return;
    video.onplay = video.onpause = video.onended = video.onerror = null;
    video.removeAttribute('src');
    video.load();
  };
}
"""

_component = st.components.v2.component("rivya_player", html=_HTML, css=_CSS, js=_JS)


def player(record: GenerationRecord, *, key: str) -> bool:
    """Draw the player of an archived clip in a container of its own, and what is wrong with the clip; True while it plays.

    A clip that nobody could open safely is not handed to the browser either.
    """
    name = f"player_{key}_{record.id}"
    if record.clip_check == UNOPENED:
        st.text(fault(record))
        return False
    with st.container(key=f"{key}_{record.id}"):
        result = _component(
            key=name,
            data={
                "believed": _believed_playing(name),
                "src": f"/clips/{record.id}.mp4",
                "download": f"/clips/{record.id}.mp4?download=1",
                "poster": f"/posters/{record.id}.jpg" if record.poster_key else "",
                "simulated": record.mode == "simulated",
                "label": f"Clip: {record.prompt[:200]}",
                "ratio": f"{record.clip_width_px or 16} / {record.clip_height_px or 9}",
            },
            default={"playing": False},
            on_playing_change=_nothing,
        )
        if record.clip_check == DAMAGED:
            st.text(fault(record))
    return bool(result.playing)


def fault(record: GenerationRecord) -> str:
    """What is wrong with a clip that is damaged or was not opened, and what can be done."""
    what = "This clip was not opened." if record.clip_check == UNOPENED else "This clip is damaged."
    return words.sentences(what, record.clip_fault or "", "You can download the file.")


def _believed_playing(name: str) -> bool:
    """Tell what the server last heard of this player, so that one made anew can correct it."""
    state = st.session_state.get(name)
    return isinstance(state, Mapping) and bool(state.get("playing"))


def _nothing() -> None:
    """Streamlit offers a state value only together with a callback."""
