"""The reference image of the form: chosen, checked, kept at once, shown with exactly what will be sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from pages._ui import addresses, formatting
from pages._ui.components.image_paste import image_paste
from pages._ui.components.image_shelf import ShelfImage, image_shelf
from pages._ui.components.thumbnail import thumbnail
from pages._ui.layout import lab
from pages._ui.request_form import clip_settings, contract_drift, fields
from rivya_core.api import ModelSpec
from rivya_core.api.differences import REFERENCE_IMAGE
from rivya_core.api.errors import RivyaError
from rivya_core.api.framing import has_ratio, ratio_of
from rivya_core.api.images import file_size
from rivya_core.lab.drafts import draft_images, drafts
from rivya_core.lab.drafts.drafts import DraftImage, Variant

IMAGE = "_image"
REFUSED = "_image_refused"
_BEFORE = "_image_before"
_FOLLOWED = "_image_followed"
_TURN = "_upload_turn"
_SHELF = "image_shelf"
_RECENT = "_images_recent"
SLOT = "image_slot"
UPLOAD_CAP_MB = 50
"""Far above Rivya's 10 MB, so that our sentence and the offer to shrink come before Streamlit's refusal."""
PREVIEW_HEIGHT_PX = 64
MIN_PREVIEW_PX, MAX_PREVIEW_PX = 36, 128
FITS = {"as_is": "As it is", "crop": "Crop", "pad": "Pad"}


OnClip = Callable[[bytes], None]
"""Called with a file that is a clip and no image: what it carries belongs to the whole form."""


def image_field(spec: ModelSpec, ratio: object, on_clip: OnClip) -> None:
    """Draw the uploader and a refusal, or in its place the chosen image, which is in the session under ``IMAGE``."""
    if not _takes_image(spec):
        return
    _follow(ratio)
    image: DraftImage | None = st.session_state.get(IMAGE)
    with st.container(key=SLOT, gap="xsmall"):
        if image is not None:
            _draw_image(image, ratio)
        with st.container(key="image_uploader" if image is None else "image_uploader_hidden", gap="xsmall"):
            _draw_uploader(on_clip)  # hidden beside a chosen image: a pasted one comes through it
        image_paste(SLOT, key="image_paste", hint=image is None)
        clip_settings.draw(SLOT, hint=image is None)
        contract_drift.beside(spec.id, REFERENCE_IMAGE, fields.FORM)
        with st.container(key="muted_image_undo"):
            _draw_undo(image)
        if image is None:
            _draw_shelf()


def take_in(spec: ModelSpec, on_clip: OnClip) -> None:
    """Look at what came with the very press that sends: a file before its own callback did, and another aspect ratio."""
    if not _takes_image(spec):
        return
    if REFUSED not in st.session_state and st.session_state.get(_upload_key()) is not None:
        _take_upload(on_clip)
    if spec.aspect_param is not None:
        _follow(fields.value(spec.aspect_param))


def refusal(spec: ModelSpec) -> str:
    """Say why nothing may leave yet: a refused file must not silently become a generation without an image."""
    if _takes_image(spec) and REFUSED in st.session_state:
        return "The image cannot be used: replace or remove it."
    return ""


def _takes_image(spec: ModelSpec) -> bool:
    return spec.reference is not None and "image" in spec.reference.kinds


def _put(image: DraftImage | None, said: str) -> None:
    """Change the image, with a way back."""
    before: DraftImage | None = st.session_state.get(IMAGE)
    st.session_state[IMAGE] = image
    st.session_state[_BEFORE] = (before, image, said)
    st.session_state.pop(REFUSED, None)
    _let_go()  # the bytes are in the archive


def _let_go() -> None:
    """Clear the uploader."""
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


# -- uploading and pasting -----------------------------------------------------------------------------------------


def _draw_uploader(on_clip: OnClip) -> None:
    upload = st.file_uploader(
        "Reference image",
        key=_upload_key(),
        max_upload_size=UPLOAD_CAP_MB,
        on_change=_take_upload,
        args=(on_clip,),
    )
    if upload is None:
        st.session_state.pop(REFUSED, None)  # another page was open meanwhile: the uploader let go of the file
    refused: RivyaError | None = st.session_state.get(REFUSED)
    if refused is not None:
        _draw_refusal(refused)


def _upload_key() -> str:
    return f"form_upload_{st.session_state.setdefault(_TURN, 0)}"


def _take_upload(on_clip: OnClip) -> None:
    upload = st.session_state.get(_upload_key())
    st.session_state.pop(REFUSED, None)
    clip_settings.forget()
    if upload is None:
        return
    if clip_settings.is_clip(upload.getvalue()):
        _let_go()
        on_clip(upload.getvalue())
    else:
        _attach(upload, shrunk=False)


def _shrink() -> None:
    upload = st.session_state.get(_upload_key())
    if upload is not None:
        _attach(upload, shrunk=True)


def _attach(upload: Any, *, shrunk: bool) -> None:
    attach = drafts.attach_shrunk if shrunk else drafts.attach_image
    replaces = st.session_state.get(IMAGE) is not None
    try:
        image = attach(lab(), upload.getvalue(), upload.name)
    except RivyaError as error:
        if replaces:  # a file that was pasted over an image: the refusal takes its place, and Undo brings it back
            st.session_state[_BEFORE] = (st.session_state[IMAGE], None, "Image replaced.")
            st.session_state[IMAGE] = None
        st.session_state[REFUSED] = error
        return
    undo = st.session_state.get(_BEFORE)
    _put(image, "Image replaced.")
    if not replaces:
        st.session_state.pop(_BEFORE, None)
        if shrunk and undo is not None and undo[1] is None:
            st.session_state[_BEFORE] = (undo[0], image, undo[2])


def _remove() -> None:
    _put(None, "Image removed.")


def _draw_refusal(refused: RivyaError) -> None:
    with st.container(border=True, key="image_refused", gap="small"):
        st.badge("This image cannot be used", icon=":material/hide_image:", color="orange")
        st.text(formatting.sentences(refused.detail.removeprefix("reference_image: ") or refused.title, refused.hint))
        if refused.code == "too_big":
            st.button("Shrink it to fit", icon=":material/compress:", on_click=_shrink, key="shrink")


# -- recent images, and the way back -------------------------------------------------------------------------------


def _recent() -> Sequence[DraftImage]:
    """The shelf's images, read again only when the ledger has changed since the last look."""
    version, seen = lab().changes(), st.session_state.get(_RECENT)
    if seen is None or seen[0] != version:
        seen = st.session_state[_RECENT] = (version, draft_images.recent(lab()))
    found: Sequence[DraftImage] = seen[1]
    return found


def _draw_shelf() -> None:
    found = _recent()
    if not found:
        return
    shown = [
        ShelfImage(
            one.prepared.sha256,
            addresses.image(one.prepared.sha256, small=True),
            formatting.excerpt(_name(one.prepared), 48),
        )
        for one in found
    ]
    image_shelf("Recent images", shown, _choose, key=_SHELF)


def _choose() -> None:
    chosen = st.session_state[_SHELF].get("choose")
    image = next((one for one in draft_images.recent(lab()) if one.prepared.sha256 == chosen), None)
    if image is None:
        return
    if drafts.is_here(lab(), image):
        _put(image, "Recent image added.")
    else:
        st.toast("This image is no longer in the data folder.", icon=":material/hide_image:")


def _draw_undo(image: DraftImage | None) -> None:
    before = st.session_state.get(_BEFORE)
    if before is None:
        return
    if _chosen(before[1]) != _chosen(image):
        st.session_state.pop(_BEFORE, None)  # another one came by another way
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(before[2], width="content")
        st.button("Undo", icon=":material/undo:", type="tertiary", on_click=_undo, key="image_undo")


def _chosen(image: DraftImage | None) -> str:
    return "" if image is None else image.prepared.sha256


def _undo() -> None:
    before = st.session_state.pop(_BEFORE, None)
    if before is not None:
        _put(before[0], "")
        st.session_state.pop(_BEFORE, None)


# -- the chosen image ----------------------------------------------------------------------------------------------


def _follow(ratio: object) -> None:
    """Fit the image again after the aspect ratio was changed, and say so."""
    image: DraftImage | None = st.session_state.get(IMAGE)
    if image is None or image.follows(ratio):
        return
    try:
        fitted = draft_images.fit(lab(), image, image.fit, ratio)
    except RivyaError as error:
        st.session_state[IMAGE] = draft_images.fit(lab(), image, "as_is", ratio)
        st.session_state[_FOLLOWED] = (
            str(ratio),
            formatting.sentences("The image is as it was", error.detail, error.hint),
        )
        return
    st.session_state[IMAGE] = fitted
    done = "Cropped" if image.fit == "crop" else "Padded"
    said = f"{done} again, to {ratio}." if fitted.fitted is not None else f"The image is {ratio} as it is."
    st.session_state[_FOLLOWED] = (str(ratio), said)


def _fit() -> None:
    image: DraftImage | None = st.session_state.get(IMAGE)
    ratio = st.session_state.get("_image_ratio")
    st.session_state.pop(_FOLLOWED, None)
    if image is None:
        return
    try:
        st.session_state[IMAGE] = draft_images.fit(lab(), image, st.session_state["form_fit"], ratio)
    except RivyaError as error:
        st.toast(formatting.sentences(error.detail, error.hint), icon=":material/hide_image:")


def _use_original() -> None:
    image: DraftImage | None = st.session_state.get(IMAGE)
    if image is not None:
        st.session_state[IMAGE] = replace(image, use_original=bool(st.session_state["form_use_original"]))


def _draw_image(image: DraftImage, ratio: object) -> None:
    sent = image.sent
    with st.container(key="image_label", horizontal=True, horizontal_alignment="distribute", gap="small"):
        st.text("Reference image", width="content")
        st.badge("Image to video", icon=":material/imagesmode:", color="violet")
    with st.container(border=True, key="image_card", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(width=_preview_width_px(sent)):
                thumbnail(sent.sha256, f"Reference image {sent.name}", key=f"picture_{sent.sha256[:16]}")
            with st.container(gap=None):
                with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                    st.text(formatting.excerpt(_name(sent), 48), width="content")
                    st.button("Remove", icon=":material/close:", type="tertiary", on_click=_remove, key="image_remove")
                with st.container(key="muted_image", gap="xxsmall"):
                    st.text(_sent_line(image))
        _draw_fit(image, ratio)
        if image.original is not None and image.sent != image.fitted:
            st.session_state["form_use_original"] = image.use_original
            st.toggle("Send original file", key="form_use_original", on_change=_use_original)


def _draw_fit(image: DraftImage, ratio: object) -> None:
    """Offer to settle a shape that is not the chosen one."""
    has_shape = has_ratio(image.prepared.width_px, image.prepared.height_px, ratio)
    if ratio_of(ratio) is None or (has_shape and image.fit == "as_is"):
        return
    st.session_state["_image_ratio"] = ratio
    st.session_state["form_fit"] = image.fit
    st.segmented_control(
        f"Fit to {ratio}",
        list(FITS),
        key="form_fit",
        format_func=FITS.__getitem__,
        required=True,
        on_change=_fit,
    )
    followed = st.session_state.get(_FOLLOWED)
    said = followed[1] if followed is not None and followed[0] == str(ratio) else ""
    note = formatting.ratio_note(image.sent.width_px, image.sent.height_px, ratio) if image.fit == "as_is" else ""
    if said or note:
        with st.container(key="muted_image_note"):
            st.text(" ".join(part for part in (said, note) if part))


def _preview_width_px(sent: Variant) -> int:
    """Make every shape about as high as the two lines beside it."""
    fitting = PREVIEW_HEIGHT_PX * sent.width_px // max(1, sent.height_px)
    return max(MIN_PREVIEW_PX, min(MAX_PREVIEW_PX, fitting))


def _name(image: Variant) -> str:
    return image.original_name or image.name


def _sent_line(image: DraftImage) -> str:
    """Say what is sent, and what was done to the chosen file; nothing that is not known."""
    sent = image.sent
    told, kind = sent.told.removeprefix("sent "), sent.mime.removeprefix("image/").upper()
    has_both_sizes = told and sent.original_sha256 not in {"", sent.sha256}
    size = file_size(sent.size_bytes) if sent.size_bytes and not has_both_sizes else ""
    if sent == image.original:
        told += ", with its metadata"
    facts = f"Sent: {sent.width_px}\N{MULTIPLICATION SIGN}{sent.height_px} px {kind}"
    return " · ".join(part for part in (facts, size, told) if part)
