"""The ballot's elements and their look."""

from __future__ import annotations

from rivya_core.lab.judging.votes import WHYS

_SIDE = """
  <figure class="side">
    <video muted playsinline preload="auto" disablepictureinpicture aria-label="Clip {letter}" tabindex="-1"></video>
    <span class="letter" aria-hidden="true">{letter}</span>
    <span class="mark" hidden>SIMULATED</span>
    <span class="says" role="status"></span>
  </figure>"""

_WHYS = "".join(
    f'<button type="button" class="why" data-why="{why}" aria-pressed="false">{why} <kbd>{key}</kbd></button>'
    for key, why in enumerate(WHYS, start=5)
)

HTML = f"""
<section class="ballot" tabindex="0" role="group" aria-label="Ballot: clip A and clip B. Keys: 1 or A, 2 or B, 0 or T tie, X both bad, S skip.">
  <div class="pair">{_SIDE.format(letter="A")}{_SIDE.format(letter="B")}
  </div>
  <div class="votes" role="group" aria-label="Your vote">
    <button type="button" data-vote="left" class="big">A is better <kbd>1</kbd></button>
    <button type="button" data-vote="tie">Tie <kbd>0</kbd></button>
    <button type="button" data-vote="bad">Both bad <kbd>X</kbd></button>
    <button type="button" data-vote="skip">Skip <kbd>S</kbd></button>
    <button type="button" data-vote="right" class="big">B is better <kbd>2</kbd></button>
  </div>
  <div class="more">
    <div class="whys" role="group" aria-label="Why, if you like to say; choose before you vote"><span class="why-title">Why? Optional, before you vote</span>
      {_WHYS}
    </div>
    <div class="acts">
      <button type="button" class="play"><span>Play</span> <kbd>P</kbd></button>
      <button type="button" class="undo" aria-disabled="true">Undo last vote <kbd>U</kbd></button>
    </div>
  </div>
  <p class="line"><span class="count" role="status"></span> <strong class="enough" role="status" hidden>The votes are enough: you can end the round.</strong></p>
  <p class="hint"><span class="on">Keys work here: 1, A or left arrow; 2, B or right arrow; 0 or T for a tie; X, S; comma and full stop step one frame.</span><span class="off">Click into the ballot, or press Tab, to vote by keys.</span></p>
</section>
"""

CSS = """
:host { display: block; }
.ballot { outline: 0; font: 400 14px/1.4 var(--st-font); color: var(--st-text-color); border-radius: var(--st-base-radius); }
.ballot:focus-visible .pair { outline: 3px solid var(--st-primary-color); outline-offset: 4px; border-radius: var(--st-base-radius); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 14px; }
.side { position: relative; margin: 0; border-radius: var(--st-base-radius); overflow: hidden; background: #000; }
video { display: block; width: 100%; max-height: min(58vh, 620px); aspect-ratio: var(--ratio, 16 / 9); object-fit: contain;
  background: #000; }
.letter { position: absolute; top: 10px; left: 10px; min-width: 30px; height: 30px; border-radius: 8px; text-align: center;
  font: 650 17px/30px var(--st-heading-font, var(--st-font)); color: #fff; background: rgb(0 0 0 / .74); }
.mark { position: absolute; bottom: 10px; right: 10px; padding: 3px 8px; border-radius: 6px; pointer-events: none;
  font: 600 11px/1.5 var(--st-font); letter-spacing: .06em; color: #fff; background: rgb(76 29 149 / .92); }
.mark[hidden], .enough[hidden] { display: none; }
.says { position: absolute; inset: auto 0 14px; text-align: center; font-size: 13px; color: #fff; text-shadow: 0 0 6px #000; }
.votes { display: grid; grid-template-columns: 2fr 1fr 1fr 1fr 2fr; gap: 10px; margin-top: 14px; }
button { font: 500 14px/1.2 var(--st-font); color: var(--st-text-color); background: var(--st-background-color); cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius); padding: 10px 12px; min-height: 42px; }
button:hover { border-color: var(--st-primary-color); }
button:focus-visible { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
button[aria-disabled="true"] { color: color-mix(in srgb, var(--st-text-color) 62%, transparent); cursor: default; }
button[aria-disabled="true"]:hover { border-color: var(--st-border-color); }
button.big { font-weight: 600; font-size: 15px; color: #fff; background: var(--st-primary-color); border-color: transparent; }
button.big[aria-disabled="true"] { color: color-mix(in srgb, var(--st-text-color) 62%, transparent);
  background: var(--st-secondary-background-color); }
button.pressed { outline: 3px solid var(--st-primary-color); outline-offset: 2px; }
kbd { display: inline-block; margin-left: 6px; padding: 1px 6px; border-radius: 5px; font: 500 11.5px/1.5 var(--st-code-font, monospace);
  border: 1px solid currentColor; opacity: .86; }
.more { display: flex; flex-wrap: wrap; gap: 10px 20px; align-items: center; justify-content: space-between; margin-top: 12px; }
.whys, .acts { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.why-title { font-size: 13px; margin-right: 4px; }
.why, .acts button { min-height: 34px; padding: 6px 11px; font-size: 13px; font-weight: 450; }
.why { border-radius: 999px; }
.why[aria-pressed="true"] { border-color: var(--st-primary-color); box-shadow: inset 0 0 0 1px var(--st-primary-color);
  background: color-mix(in srgb, var(--st-primary-color) 12%, var(--st-background-color)); font-weight: 550; }
.line { margin: 14px 0 0; min-height: 1.4em; font-variant-numeric: tabular-nums; }
.enough { font-weight: 600; color: var(--st-green-text-color); }
.hint { margin: 4px 0 0; font-size: 12.5px; opacity: .8; }
.on { display: none; }
.ballot:focus-within .on { display: inline; }
.ballot:focus-within .off { display: none; }
@media (hover: none) { .hint, kbd { display: none; } }
@media (max-width: 640px) {
  .pair { grid-template-columns: 1fr; gap: 10px; }
  video { max-height: 25vh; }
  .votes { grid-template-columns: repeat(6, 1fr); gap: 8px; }
  .votes .big { grid-row: 1; min-height: 50px; }
  .votes .big { grid-column: span 3; }
  .votes button:not(.big) { grid-column: span 2; }
  .hint, kbd { display: none; }
}
@media (prefers-reduced-motion: no-preference) { button { transition: border-color .12s, background .12s; } }
"""
