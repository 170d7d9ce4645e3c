"""The few rules of style that theme tokens cannot express; one constant text, never built from data."""

from __future__ import annotations

import streamlit as st

from pages._ui import direction

_STYLE = """
<style>
/* quiet second lines */
[class*="st-key-muted"] [data-testid="stText"], [class*="st-key-ids_"] [data-testid="stText"] {
  font-size: 0.865rem; opacity: 0.78; }
[class*="st-key-ids_"] [data-testid="stText"] { font-family: var(--st-code-font, monospace); font-size: 0.8rem;
  overflow-wrap: anywhere; white-space: pre-wrap; }
[class*="st-key-story_"] > [data-testid="stElementContainer"]:first-of-type [data-testid="stText"] { font-weight: 600; }
[data-testid="stText"] { overflow-wrap: anywhere; white-space: pre-wrap; }
/* typed text is committed by itself and Ctrl+Enter generates, so the box must not say otherwise */
:is(.st-key-request_form, .st-key-sweep_form, [class*="st-key-paid_"]) [data-testid="InputInstructions"] { display: none; }
/* Streamlit's own CSV would run what people typed as formulas in a spreadsheet; our exports do not */
[data-testid="stElementToolbarButton"]:has([aria-label="Download as CSV"]) { display: none; }
/* the slider's own end marks give way to the words below it */
[class*="st-key-knob_"] [data-testid="stSliderTickBar"] { display: none; }
/* Streamlit writes its own cap, which is far above Rivya's limit */
:is(.st-key-request_form, .st-key-sweep_form) [data-testid="stFileUploaderDropzoneInstructions"] > * { display: none; }
:is(.st-key-request_form, .st-key-sweep_form) [data-testid="stFileUploaderDropzoneInstructions"]::after {
  content: "JPEG, PNG or WebP, 10 MB; drop it here"; font-size: 0.865rem; opacity: 0.8; }
:is(.st-key-request_form, .st-key-sweep_form) [data-testid="stFileUploaderDropzone"] { padding-block: 0.5rem; }
.st-key-image_uploader_hidden { display: none; }
/* the chosen image stands where its uploader was, under the same label */
.st-key-image_label [data-testid="stText"] { font-size: 0.875rem; }
/* while a file is on its way, the press waits for it */
.st-key-request_form:has([data-testid="stFileChipIconSpinner"]) .st-key-generate button { pointer-events: none; opacity: 0.5; }
/* what tells of ended generations takes no room in the page */
[data-testid="stLayoutWrapper"]:has(> .st-key-ended_jobs) { position: absolute; width: 0; height: 0; }
/* the way to the wall stands beside the takes as a button */
.st-key-takes [data-testid="stPageLink"] a { border: 1px solid var(--st-border-color, rgb(128 128 140 / .4)); border-radius: 8px;
  padding-inline: 0.75rem; }
/* five buttons stay in one row beside the form, down to a small laptop */
@media (min-width: 700px) and (max-width: 1420px) {
  .st-key-clip_actions :is(button, a) { padding-inline: 0.5rem; }
  .st-key-clip_actions span:has(> [data-testid="stIconMaterial"]) { display: none; }
}
/* the selected segment's own violet falls short of 4.5:1 on its tint in dark */
[data-testid="stButtonGroup"] button[data-selected="true"] p { color: light-dark(#4B38C8, #A99BFF); }
/* with a tall form the button stays in sight; on a phone it would cover too much */
@media (min-width: 700px) {
  :is(.st-key-request_form, .st-key-sweep_form) [data-testid="stFileUploaderDropzone"] { align-items: center; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-send_row) { position: sticky; bottom: 0; z-index: 2;
    padding-block: 0.5rem; margin-bottom: -0.5rem; background: light-dark(#FFFFFF, #040406); }
}
/* so does the price of a sweep, with its requests, while its fields are filled in; it scrolls in itself and covers nothing */
@media (min-width: 900px) {
  [data-testid="stVerticalBlock"]:has(> [data-testid="stLayoutWrapper"] > .st-key-sweep_price) { height: 100%; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-sweep_price) { position: sticky; top: 4rem; max-height: calc(100dvh - 5rem);
    overflow: hidden auto; }
}
</style>
"""


def apply() -> None:
    """Add the rules to the page."""
    st.html(_STYLE)
    direction.apply()
