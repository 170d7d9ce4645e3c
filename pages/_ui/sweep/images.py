"""Reference images of a sweep: of the baseline (at most one) and of an axis (several), checked and kept at once."""

from __future__ import annotations

import streamlit as st

from pages._ui import direction, formatting, layout
from pages._ui.components.image_paste import image_paste
from pages._ui.components.thumbnail import thumbnail
from pages._ui.request_form.image_field import UPLOAD_CAP_MB
from rivya_core.api.errors import RivyaError
from rivya_core.lab.drafts import drafts
from rivya_core.lab.drafts.drafts import DraftImage

A_ROW = 4


def kept(name: str) -> tuple[DraftImage, ...]:
    """The images of a list, by the list's name."""
    found: tuple[DraftImage, ...] = st.session_state.get(_list(name), ())
    return found


def put(name: str, images: tuple[DraftImage, ...]) -> None:
    """Set the images of a list; one that was fitted to the ratio of a form stays as it is then, whatever ratio varies."""
    st.session_state[_list(name)] = tuple(image if image.fit == "as_is" else DraftImage(image.sent) for image in images)
    st.session_state.pop(_refused(name), None)


def images_field(label: str, name: str, *, several: bool) -> None:
    """Draw uploader, refusal and what was chosen."""
    images = kept(name)
    if several or not images:
        with st.container(key=f"slot_{_key(name)}", gap="xsmall"):
            st.file_uploader(
                label,
                key=_upload(name),
                max_upload_size=UPLOAD_CAP_MB,
                accept_multiple_files=several,
                on_change=_take,
                args=(name,),
            )
            image_paste(f"slot_{_key(name)}", key=f"paste_{_key(name)}")
    refused: tuple[str, RivyaError, bytes] | None = st.session_state.get(_refused(name))
    if refused is not None:
        file_name, error, _data = refused
        with st.container(border=True, key=f"refused_{_key(name)}", gap="small"):
            st.badge("This image cannot be used", icon=":material/hide_image:", color="orange")
            why = error.detail.removeprefix("reference_image: ") or error.title
            st.text(f"{direction.within(formatting.excerpt(file_name, 48))}: {formatting.sentences(why, error.hint)}")
            if error.code == "too_big":
                st.button(
                    "Shrink it to fit",
                    icon=":material/compress:",
                    key=f"shrink_{_key(name)}",
                    on_click=_shrink,
                    args=(name,),
                )
    for start in range(0, len(images), A_ROW):
        columns = st.columns(A_ROW, gap="small")
        for at, (column, image) in enumerate(zip(columns, images[start : start + A_ROW], strict=False), start):
            with column:
                _one(name, at, image)


def _one(name: str, at: int, image: DraftImage) -> None:
    sent = image.sent
    with st.container(key=f"muted_{_key(name)}_{at}", gap="xxsmall"):
        thumbnail(sent.sha256, f"Reference image {sent.name}", key=f"picture_{_key(name)}_{sent.sha256[:16]}")
        st.text(formatting.excerpt(sent.original_name or sent.name, 32))
        if told := sent.told:
            st.text(formatting.sentences(told[:1].upper() + told[1:]))
        st.button(
            "Remove",
            icon=":material/close:",
            type="tertiary",
            key=f"remove_{_key(name)}_{at}",
            on_click=_remove,
            args=(name, sent.sha256),
        )


def _take(name: str) -> None:
    found = st.session_state.get(_upload(name))
    uploads = found if isinstance(found, list) else [found] if found is not None else []
    if not uploads:
        return
    st.session_state.pop(_refused(name), None)
    images = list(kept(name))
    for upload in uploads:
        try:
            image = drafts.attach_image(layout.lab(), upload.getvalue(), upload.name)
        except RivyaError as error:
            shrinkable = upload.getvalue() if error.code == "too_big" else b""
            st.session_state[_refused(name)] = (upload.name, error, shrinkable)
            continue
        if all(image.sent.sha256 != other.sent.sha256 for other in images):
            images.append(image)
    st.session_state[_list(name)] = tuple(images)
    st.session_state[_turn(name)] = st.session_state.get(_turn(name), 0) + 1  # the uploader lets go of its copies


def _shrink(name: str) -> None:
    refused: tuple[str, RivyaError, bytes] | None = st.session_state.pop(_refused(name), None)
    if refused is None:
        return
    file_name, _error, data = refused
    try:
        image = drafts.attach_shrunk(layout.lab(), data, file_name)
    except RivyaError as error:
        st.session_state[_refused(name)] = (file_name, error, b"")
        return
    if all(image.sent.sha256 != other.sent.sha256 for other in kept(name)):
        st.session_state[_list(name)] = (*kept(name), image)


def _remove(name: str, sha256: str) -> None:
    put(name, tuple(image for image in kept(name) if image.sent.sha256 != sha256))


def _key(name: str) -> str:
    return f"sweep_images_{name}"


def _list(name: str) -> str:
    return f"_{_key(name)}"


def _refused(name: str) -> str:
    return f"_refused_{_key(name)}"


def _turn(name: str) -> str:
    return f"_turn_{_key(name)}"


def _upload(name: str) -> str:
    return f"upload_{_key(name)}_{st.session_state.get(_turn(name), 0)}"
