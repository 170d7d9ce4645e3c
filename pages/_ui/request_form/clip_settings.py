"""Settings read from a clip file that is dropped on the form: they fill it, and nothing is sent.

The file is untrusted input. The core reads and validates it; what cannot be used is refused with a sentence.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages._ui import formatting
from pages._ui.components.file_drop import file_drop
from rivya_core import Lab
from rivya_core.api.errors import RivyaError
from rivya_core.api.signatures import HEAD_BYTES, sniff
from rivya_core.lab.drafts import draft_images
from rivya_core.lab.drafts.drafts import Draft
from rivya_core.lab.shows.pictures.recipe import Recipe, read_recipe
from rivya_core.mode_words import ModeWord

KINDS: dict[ModeWord, str] = {"live": "live", "simulated": "simulated", "replay": "replayed"}

_REFUSED = "_clip_settings_refused"
_HINT = "A clip downloaded with its settings fills the form."


def is_clip(data: bytes) -> bool:
    """Tell whether a file is a video, whatever its name says."""
    return (sniff(data[:HEAD_BYTES]) or "").startswith("video/")


def read(lab: Lab, data: bytes) -> tuple[Draft, str] | None:
    """The draft that a clip's settings give and what to say of it; None when there is none, which is kept to be drawn."""
    forget()
    try:
        recipe = read_recipe(data)
    except RivyaError as error:
        st.session_state[_REFUSED] = error
        return None
    image = None if recipe.image_sha256 is None else draft_images.kept(lab, recipe.image_sha256)
    draft = replace(Draft.of_request(recipe.request.canonical()), image=image)
    return draft, _said(recipe, has_image=image is not None)


def _said(recipe: Recipe, *, has_image: bool) -> str:
    missing = recipe.image_sha256 is not None and not has_image
    return formatting.sentences(
        f"Settings of a {KINDS[recipe.mode]} clip loaded.",
        "It had a reference image that is not here: choose it again." if missing else "",
    )


def forget() -> None:
    """Close the refusal; a callback."""
    st.session_state.pop(_REFUSED, None)


def draw(slot: str, *, hint: bool) -> None:
    """Draw what takes a dropped file for the uploader in ``slot``, and why the last clip was of no use."""
    file_drop(slot, key="file_drop", hint=_HINT if hint else "")
    refused: RivyaError | None = st.session_state.get(_REFUSED)
    with st.container(key="clip_refused_slot"):  # always there: what comes and goes in it must not remount the form
        if refused is None:
            return
        with st.container(border=True, key="clip_refused", gap="small"):
            st.badge("Nothing was loaded", icon=":material/movie_off:", color="orange")
            st.text(formatting.sentences(refused.detail, refused.hint))
            st.button("Close", icon=":material/close:", type="tertiary", on_click=forget, key="clip_refused_close")
