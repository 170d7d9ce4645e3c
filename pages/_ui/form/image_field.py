"""The reference image of the form: chosen, checked, kept at once, shown with exactly what will be sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from pages._ui import words
from pages._ui.frame import lab
from pages._ui.picture import picture
from rivya_core.api import ModelSpec
from rivya_core.api.errors import RivyaError
from rivya_core.api.images import file_size
from rivya_core.lab import drafts
from rivya_core.lab.drafts import DraftImage, Variant

IMAGE = "_image"
REFUSED = "_image_refused"
_TURN = "_upload_turn"
UPLOAD_CAP_MB = 50
"""Far above Rivya's 10 MB, so that our sentence and the offer to shrink come before Streamlit's refusal."""
PREVIEW_HEIGHT_PX = 64
MIN_PREVIEW_PX, MAX_PREVIEW_PX = 36, 128


def image_field(spec: ModelSpec, ratio: object) -> None:
    """Draw the uploader and a refusal, or in its place the chosen image, which is in the session under ``IMAGE``."""
    if not _takes_image(spec):
        return
    image: DraftImage | None = st.session_state.get(IMAGE)
    with st.container(key="image_slot", gap="xsmall"):
        if image is not None:
            _draw_image(image, ratio)
        else:
            _draw_uploader()


def take_in(spec: ModelSpec) -> None:
    """Look at a file that came with the very press that sends, before the uploader's own callback did."""
    if _takes_image(spec) and REFUSED not in st.session_state and st.session_state.get(_upload_key()) is not None:
        _take_upload()


def refusal(spec: ModelSpec) -> str:
    """Say why nothing may leave yet: a refused file must not silently become a generation without an image."""
    if _takes_image(spec) and REFUSED in st.session_state:
        return "The image cannot be used: replace or remove it."
    return ""


def _takes_image(spec: ModelSpec) -> bool:
    return spec.reference is not None and "image" in spec.reference.kinds


def _draw_uploader() -> None:
    upload = st.file_uploader(
        "Reference image",
        key=_upload_key(),
        max_upload_size=UPLOAD_CAP_MB,
        on_change=_take_upload,
    )
    if upload is None:
        st.session_state.pop(REFUSED, None)  # another page was open meanwhile: the uploader let go of the file
    refused: RivyaError | None = st.session_state.get(REFUSED)
    if refused is not None:
        _draw_refusal(refused)


def _upload_key() -> str:
    return f"form_upload_{st.session_state.setdefault(_TURN, 0)}"


def _take_upload() -> None:
    upload = st.session_state.get(_upload_key())
    st.session_state.pop(REFUSED, None)
    if upload is None:
        return
    try:
        st.session_state[IMAGE] = drafts.attach_image(lab(), upload.getvalue(), upload.name)
    except RivyaError as error:
        st.session_state[REFUSED] = error
    else:
        st.session_state[_TURN] += 1  # the bytes are in the archive; the uploader lets go of its copy


def _shrink() -> None:
    upload: Any = st.session_state.get(_upload_key())
    if upload is None:
        return
    st.session_state.pop(REFUSED, None)
    try:
        st.session_state[IMAGE] = drafts.attach_shrunk(lab(), upload.getvalue(), upload.name)
    except RivyaError as error:
        st.session_state[REFUSED] = error
    else:
        st.session_state[_TURN] += 1


def _remove() -> None:
    st.session_state[IMAGE] = None
    st.session_state.pop(REFUSED, None)


def _use_original() -> None:
    image: DraftImage | None = st.session_state.get(IMAGE)
    if image is not None:
        st.session_state[IMAGE] = replace(image, use_original=bool(st.session_state["form_use_original"]))


def _draw_refusal(refused: RivyaError) -> None:
    with st.container(border=True, key="image_refused", gap="small"):
        st.badge("This image cannot be used", icon=":material/hide_image:", color="orange")
        st.text(words.sentences(refused.detail.removeprefix("reference_image: ") or refused.title, refused.hint))
        if refused.code == "too_big":
            st.button("Shrink it to fit", icon=":material/compress:", on_click=_shrink, key="shrink")


def _draw_image(image: DraftImage, ratio: object) -> None:
    sent = image.sent
    with st.container(key="image_label", horizontal=True, horizontal_alignment="distribute", gap="small"):
        st.text("Reference image", width="content")
        st.badge("Image to video", icon=":material/imagesmode:", color="violet")
    with st.container(border=True, key="image_card", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(width=_preview_width_px(sent)):
                picture(sent.sha256, f"Reference image {sent.name}", key=f"picture_{sent.sha256[:16]}")
            with st.container(gap=None):
                with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                    st.text(words.excerpt(sent.original_name or sent.name, 48), width="content")
                    st.button("Remove", icon=":material/close:", type="tertiary", on_click=_remove, key="image_remove")
                with st.container(key="muted_image", gap="xxsmall"):
                    st.text(_sent_line(image))
        note = words.ratio_note(sent.width_px, sent.height_px, ratio)
        if note:
            with st.container(key="muted_image_note"):
                st.text(note)
        if image.original is not None:
            st.session_state["form_use_original"] = image.use_original
            st.toggle(
                "Send the original bytes",
                key="form_use_original",
                on_change=_use_original,
            )


def _preview_width_px(sent: Variant) -> int:
    """Make every shape about as high as the two lines beside it."""
    fitting = PREVIEW_HEIGHT_PX * sent.width_px // max(1, sent.height_px)
    return max(MIN_PREVIEW_PX, min(MAX_PREVIEW_PX, fitting))


def _sent_line(image: DraftImage) -> str:
    sent = image.sent
    kind = sent.mime.removeprefix("image/").upper()
    size = f" · {file_size(sent.size_bytes)}" if sent.size_bytes else ""
    if any(f"{file_size(sent.size_bytes)} instead of" in change for change in sent.changes):
        size = ""  # it stands beside the size before
    facts = f"Sent: {sent.width_px}\N{MULTIPLICATION SIGN}{sent.height_px} px {kind}{size}"
    if image.use_original:
        return f"{facts}, exactly the chosen bytes, with all that the camera wrote into them"
    return f"{facts}; {', '.join(sent.changes)}" if sent.changes else f"{facts}, unchanged"
