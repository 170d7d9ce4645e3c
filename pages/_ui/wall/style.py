"""The wall's skeleton and its style: constant texts, filled by the wall's script."""

from __future__ import annotations

HTML = """
<section class="wall" tabindex="-1" aria-label="Review wall">
  <div class="arena">
    <ul class="stage" aria-label="Clips"></ul>
    <div class="divider" role="slider" tabindex="0" aria-label="Divider of the wipe" aria-valuemin="0" aria-valuemax="100"
      hidden></div>
  </div>
  <div class="bar" role="group" aria-label="Playback"></div>
  <div class="said" role="status" hidden></div>
  <p class="spoken" role="status"></p>
  <div class="desk">
    <div class="panel chosen" role="group" aria-label="The chosen clip"></div>
    <div class="panel differences" role="group" aria-label="Differences"></div>
  </div>
  <dialog class="help" aria-labelledby="wall-keys"></dialog>
</section>
"""

_STAGE = """
:host { display: block; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.wall { font: 400 14.5px/1.45 var(--st-font); color: var(--st-text-color); outline: none; position: relative;
  --ring: light-dark(#4B38C8, #A99BFF); --soft: var(--st-secondary-background-color); --line: var(--st-border-color);
  --warm: light-dark(#FDF1DC, #33260B); --warm-text: light-dark(#7A3E00, #FFD591); --warm-line: light-dark(#E9B872, #7A5A1E); }
.wall:fullscreen { background: var(--st-background-color); padding: 16px; overflow: auto; }
h2, h3, p, ul, dl, dd, figure { margin: 0; padding: 0; }
ul { list-style: none; }
svg { width: 18px; height: 18px; fill: currentColor; display: block; }
button, select, input, textarea { font: inherit; color: inherit; }
button { cursor: pointer; }
button:focus-visible, select:focus-visible, input:focus-visible, textarea:focus-visible, a:focus-visible,
summary:focus-visible, .scroll:focus-visible, .rail:focus-visible, .divider:focus-visible {
  outline: 3px solid var(--ring); outline-offset: 2px; }
.arena { position: relative; }
.stage { display: grid; gap: 16px; justify-content: center; grid-template-columns: repeat(var(--cols, 1), var(--box-w, 100%)); }
.card { min-width: 0; width: var(--box-w); }
.frame { position: relative; width: 100%; height: var(--box-h, 240px); border-radius: var(--st-base-radius); overflow: hidden;
  background: #0B0B12; cursor: pointer; }
.card.chosen .frame { box-shadow: 0 0 0 2px var(--st-background-color), 0 0 0 4px var(--ring); }
video { width: 100%; height: 100%; object-fit: contain; display: block; }
.number, .mark, .says { position: absolute; pointer-events: none; color: #fff; }
.number { top: 8px; left: 8px; min-width: 24px; height: 24px; padding: 0 7px; border-radius: 7px; text-align: center;
  font: 650 13px/24px var(--st-font); background: rgb(0 0 0 / .74); }
.card.chosen .number { background: #4B38C8; }
.mark { top: 9px; left: 40px; padding: 2px 7px; border-radius: 6px; font: 600 10.5px/1.7 var(--st-font); letter-spacing: .05em;
  background: rgb(76 29 149 / .92); }
.mark.live { background: rgb(153 27 27 / .94); }
.says { inset: auto 8px 8px 8px; font: 500 12.5px/1.4 var(--st-font); }
.says:not(:empty) { padding: 6px 9px; border-radius: 7px; background: rgb(0 0 0 / .78); width: fit-content; max-width: calc(100% - 16px); }
.sound { position: absolute; bottom: 6px; right: 6px; width: 30px; height: 30px; padding: 6px; border: 0; border-radius: 8px;
  color: #fff; background: rgb(0 0 0 / .66); }
.sound:hover { background: rgb(0 0 0 / .86); }
.sound:focus-visible { outline-color: #fff; outline-offset: -3px; }
.under { padding: 6px 2px 0; min-height: 60px; }
.line { display: flex; gap: 8px; align-items: center; justify-content: space-between; }
.name { all: unset; cursor: pointer; min-width: 0; flex: 1 1 auto; font: 500 13px/1.5 var(--st-font); white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; border-radius: 4px; }
.name:focus-visible { outline: 3px solid var(--ring); outline-offset: 2px; }
.chips { display: flex; gap: 5px; margin-top: 4px; flex-wrap: wrap; max-height: 24px; overflow: hidden; }
.chip { font: 400 12px/1.6 var(--st-font); padding: 1px 7px; border-radius: 6px; border: 1px solid var(--line);
  white-space: nowrap; max-width: 100%; overflow: hidden; text-overflow: ellipsis; }
.chip .what { margin-right: 5px; opacity: .82; }
.chip .value { font-weight: 600; }
.chip.other { background: var(--warm); border-color: var(--warm-line); color: var(--warm-text); }
.chip.other .what { opacity: 1; }
.stars { display: inline-flex; flex: none; }
.star { all: unset; cursor: pointer; padding: 3px 1px; color: light-dark(#8A8A99, #7C7C8C); border-radius: 4px; }
.star svg { fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linejoin: round; }
.star.lit { color: light-dark(#B45309, #FBBF24); }
.star.lit svg, .stars:not(.fixed):hover .star svg { fill: currentColor; }
.stars:not(.fixed):hover .star { color: light-dark(#B45309, #FBBF24); }
.stars:not(.fixed) .star:hover ~ .star { color: light-dark(#8A8A99, #7C7C8C); }
.stars:not(.fixed) .star:hover ~ .star svg { fill: none; }
.stars.fixed .star { cursor: default; }
.star:focus-visible { outline: 3px solid var(--ring); outline-offset: 0; }
.narrow .stage { display: flex; gap: 12px; justify-content: flex-start; overflow-x: auto; scroll-snap-type: x mandatory; padding: 4px 4px 2px;
  scrollbar-width: none; }
.narrow .card { flex: 0 0 var(--box-w); scroll-snap-align: center; }
.narrow .card:only-child { flex-basis: 100%; }
.narrow .sound { width: 40px; height: 40px; padding: 10px; }
.arena.wipe .stage { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); overflow: visible; padding: 0;
  padding-top: calc(var(--wipe-h) + 4px); justify-content: stretch; }
.arena.wipe .card { display: none; width: auto; }
.arena.wipe .card.left, .arena.wipe .card.right { display: block; }
.arena.wipe .card.left { order: 0 !important; }
.arena.wipe .card.right { order: 1 !important; }
.arena.wipe .frame { position: absolute; top: 0; left: var(--wipe-x); width: var(--wipe-w); height: var(--wipe-h);
  box-shadow: none; cursor: ew-resize; touch-action: pan-y; }
.arena.wipe .card.right .frame { clip-path: inset(0 0 0 var(--cut)); z-index: 1; }
.arena.wipe .card.right .number { inset: auto 8px 8px auto; }
.arena.wipe .card.right .mark { inset: auto 40px 9px auto; }
.arena.wipe .sound { display: none; }
.divider { position: absolute; z-index: 2; top: 0; left: calc(var(--wipe-x) + var(--wipe-w) * var(--cut-share, .5)); width: 44px; margin-left: -22px;
  height: var(--wipe-h); cursor: ew-resize; touch-action: none; border-radius: 8px; }
.divider::before { content: ""; position: absolute; left: 21px; top: 0; bottom: 0; width: 2px; background: #fff;
  box-shadow: 0 0 0 1px rgb(0 0 0 / .55); }
.divider::after { content: "\\2194"; position: absolute; left: 6px; top: calc(50% - 16px); width: 32px; height: 32px;
  border-radius: 50%; background: #fff; color: #16161D; text-align: center; font: 600 17px/31px var(--st-font);
  box-shadow: 0 0 0 1px rgb(0 0 0 / .4); }
"""

_BAR = """
.bar { position: sticky; bottom: 0; z-index: 5; margin-top: 12px; padding: 8px 0 10px; background: var(--st-background-color);
  border-top: 1px solid var(--line); }
.track { position: relative; }
.track:has(.marker) { padding-top: 20px; }
.markers { position: absolute; inset: 0 0 auto 0; height: 20px; }
.marker { position: absolute; top: 1px; transform: translateX(-50%); min-width: 18px; height: 18px; padding: 0 4px; border: 0;
  border-radius: 6px 6px 6px 0; font: 650 11px/18px var(--st-font); background: var(--warm-text); color: var(--st-background-color); }
.rail { position: relative; height: 24px; cursor: pointer; touch-action: none; border-radius: 6px; }
.rail::before { content: ""; position: absolute; inset: 9px 0; border-radius: 3px; background: light-dark(#D5D5DF, #3A3A48); }
.range { position: absolute; top: 5px; bottom: 5px; border-radius: 4px; background: light-dark(#C9C2F5, #3A3178); }
.fill { position: absolute; top: 9px; bottom: 9px; left: 0; border-radius: 3px; background: var(--st-primary-color); }
.head { position: absolute; top: 4px; width: 16px; height: 16px; margin-left: -8px; border-radius: 50%; background: var(--ring);
  border: 2px solid var(--st-background-color); }
.tools { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: center; margin-top: 4px; }
.group { display: flex; gap: 4px; align-items: center; }
.group:last-child { margin-left: auto; }
.tool { min-width: 36px; height: 36px; padding: 0 8px; display: inline-flex; align-items: center; justify-content: center;
  border: 1px solid var(--line); border-radius: var(--st-button-radius); background: transparent; font-weight: 500; }
.tool:hover { border-color: var(--ring); }
.tool[aria-pressed="true"] { background: light-dark(#ECEAFB, #241F4A); border-color: var(--ring); color: var(--ring); }
.tool.main { background: var(--st-primary-color); border-color: var(--st-primary-color); color: #fff; min-width: 48px; }
.tool.wide { min-width: 54px; font-variant-numeric: tabular-nums; }
.tool.word { font-size: 13px; }
.tool.small { min-width: 30px; height: 30px; padding: 0 6px; border-color: transparent; }
.tool.small svg { width: 16px; height: 16px; }
.time { font-variant-numeric: tabular-nums; font-size: 13px; min-width: 196px; }
.sides { display: inline-flex; gap: 4px; }
select, input[type=text] { height: 34px; padding: 0 8px; border: 1px solid light-dark(#8A8A99, #5C5C6B);
  border-radius: var(--st-button-radius); background: var(--st-background-color); max-width: 130px; }
.more { display: contents; }
.narrow .more { display: flex; flex-wrap: wrap; gap: 6px 10px; flex-basis: 100%; min-width: 0; }
.narrow .more > .group { flex: none; }
.numbers { display: none; }
.narrow .numbers { display: flex; flex-basis: 100%; }
.narrow .numbers .tool { flex: 1 1 0; min-width: 0; padding: 0; height: 40px; }
.narrow .tool { height: 40px; }
.narrow .time { min-width: 0; }
.narrow .tools { gap: 6px 8px; }
.narrow .more > .group:last-child { margin-left: 0; }
.said { position: sticky; bottom: 108px; z-index: 6; display: flex; gap: 14px; align-items: center; width: fit-content; max-width: 100%;
  margin: 10px auto 0; padding: 9px 14px; border-radius: 10px; color: light-dark(#fff, #16161D); background: light-dark(#26262F, #ECECF1); }
.said .plain { color: inherit; font-weight: 600; text-decoration: underline; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
"""

_DESK = """
.desk { display: grid; gap: 16px; grid-template-columns: minmax(330px, 5fr) minmax(0, 7fr); margin-top: 14px; align-items: start; }
.narrow .desk { grid-template-columns: minmax(0, 1fr); }
.panel { border: 1px solid var(--line); border-radius: var(--st-base-radius); padding: 14px 16px; min-width: 0; }
.panel-head { display: flex; gap: 8px 14px; align-items: center; justify-content: space-between; flex-wrap: wrap; }
.title { font: 600 17px/1.4 var(--st-heading-font, var(--st-font)); }
h3 { font: 600 15px/1.4 var(--st-heading-font, var(--st-font)); }
.named { display: inline-flex; gap: 8px; align-items: center; font-size: 13px; }
.acts { display: flex; gap: 8px; flex-wrap: wrap; align-items: center; margin-top: 10px; }
.button { display: inline-flex; align-items: center; height: 34px; padding: 0 12px; border: 1px solid var(--line); font-size: 13px;
  border-radius: var(--st-button-radius); background: transparent; color: inherit; text-decoration: none; }
.button:hover { border-color: var(--ring); }
.button.main { background: var(--st-primary-color); border-color: var(--st-primary-color); color: #fff; }
.plain { all: unset; cursor: pointer; border-radius: 4px; }
.plain:focus-visible { outline: 3px solid var(--ring); outline-offset: 2px; }
.hint { font-size: 12.5px; opacity: .8; }
.criteria { margin: 12px 0 4px; }
.criterion { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 10px; align-items: center; padding: 5px 8px; margin: 0 -8px;
  border-left: 3px solid transparent; border-radius: 0 6px 6px 0; }
.criterion.now { border-left-color: var(--ring); background: var(--soft); }
.criterion .what { font-weight: 500; }
.criterion .hint { display: block; }
.criterion .others { grid-column: 1 / -1; font-size: 12.5px; opacity: .85; overflow-wrap: anywhere; }
.criterion .others:empty { display: none; }
.notes-box { margin-top: 10px; padding-top: 12px; border-top: 1px solid var(--line); }
.editor { margin: 2px 0 10px; padding: 10px 12px; border-radius: 8px; background: var(--soft); }
.editor .acts { margin-top: 8px; }
.editor-for { display: block; font-size: 13px; font-weight: 500; }
textarea { display: block; width: 100%; margin-top: 6px; padding: 8px; border: 1px solid light-dark(#8A8A99, #5C5C6B); border-radius: 8px;
  background: var(--st-background-color); resize: vertical; }
.notes-box > .hint { margin-top: 6px; }
.note { display: flex; gap: 10px; align-items: flex-start; padding: 8px 0; border-top: 1px solid var(--line); }
.note:first-child { border-top: 0; }
.note .at { flex: none; font: 550 13px/1.5 var(--st-font); font-variant-numeric: tabular-nums; color: var(--ring); text-decoration: underline; }
.note .words { flex: 1 1 auto; min-width: 0; }
.note .text { overflow-wrap: anywhere; white-space: pre-wrap; }
.note .by { font-size: 12.5px; opacity: .8; overflow-wrap: anywhere; }
.note.mine .by { font-weight: 600; opacity: 1; }
.scroll { overflow-x: auto; margin-top: 10px; }
.shade { position: relative; }
.shade.more-right::after { content: ""; position: absolute; inset: 0 0 0 auto; width: 28px; pointer-events: none;
  background: linear-gradient(to right, transparent, light-dark(rgb(22 22 29 / .16), rgb(255 255 255 / .2))); }
table { border-collapse: collapse; width: 100%; font-size: 13px; position: relative; }
th, td { text-align: start; vertical-align: top; padding: 7px 10px; border-bottom: 1px solid var(--line); min-width: 96px;
  overflow-wrap: anywhere; }
th { font-weight: 600; }
thead th { white-space: nowrap; }
.corner { position: sticky; left: 0; background: var(--st-background-color); min-width: 92px; z-index: 1; }
tbody th { position: sticky; left: 0; background: var(--st-background-color); font-weight: 500; min-width: 92px; max-width: 120px; }
tr.long td { min-width: 154px; white-space: pre-wrap; }
tbody tr:last-child > * { border-bottom: 0; }
td.other { background: var(--warm); }
thead th.chosen { color: var(--ring); box-shadow: inset 0 -2px var(--ring); }
ins { text-decoration: none; font-weight: 650; background: light-dark(#C9F2D3, #0F4423); color: light-dark(#0B4A1E, #B9F6CA);
  border-radius: 3px; padding: 0 2px; }
del { background: light-dark(#FBD9D9, #4A1515); color: light-dark(#7F1D1D, #FFC9C9); border-radius: 3px; padding: 0 2px; }
.same { margin-top: 10px; font-size: 13px; }
.same summary { cursor: pointer; font-weight: 500; }
.same dl { display: grid; grid-template-columns: minmax(90px, max-content) minmax(0, 1fr); gap: 4px 14px; margin-top: 8px; }
.same dt { opacity: .8; }
.same dd { overflow-wrap: anywhere; white-space: pre-wrap; }
.help { border: 1px solid var(--line); border-radius: 12px; padding: 18px 22px; color: inherit; background: var(--st-background-color);
  width: min(620px, calc(100vw - 24px)); max-height: 86vh; }
.help::backdrop { background: rgb(0 0 0 / .5); }
.keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 0 24px; margin: 10px 0 14px; }
.keys div { display: flex; gap: 12px; padding: 4px 0; border-bottom: 1px solid var(--line); }
.keys dt { flex: 0 0 108px; font: 500 12.5px/1.6 var(--st-code-font); }
.keys dd { font-size: 13px; }
@media (prefers-reduced-motion: reduce) { .stage { scroll-behavior: auto; } }
"""

CSS = _STAGE + _BAR + _DESK
