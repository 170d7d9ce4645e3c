"""What a show can be downloaded as, each with its size and what it is for; small copies are made in the background."""

from __future__ import annotations

import streamlit as st

from pages._ui import formatting, fragments, layout
from pages._ui.shows import formatting as show_formatting, query_params
from rivya_core import RivyaError
from rivya_core.lab.shows.files import Sizes
from rivya_core.lab.shows.show import Show

TICK_S = 2.0


def draw(show: Show, *, may_edit: bool) -> None:
    """Draw the ways to take a show along."""
    if not show.clips:
        return
    with st.expander("Download", icon=":material/download:", key="show_download"):
        try:
            sizes = layout.lab().shows.files.sizes(show.id)
        except RivyaError as error:
            layout.error_card(error)
            return
        _one_file(show.id, sizes, may_edit=may_edit)
        if sizes.fits_inside:
            about = f"{_megabytes(sizes.originals_bytes * 4 / 3)}. The original clips inside one file."
            _row("originals", "One file, originals", query_params.file_link(show.id, originals=True), about)
        about = (
            f"{_megabytes(sizes.originals_bytes)}. The original clips in a folder beside the page: for a disk, a stick or a web "
            "server. Unpack it first."
        )
        _row("zip", "ZIP", query_params.zip_link(show.id), about)


def _one_file(show_id: str, sizes: Sizes, *, may_edit: bool) -> None:
    files = layout.lab().shows.files
    if files.is_making(show_id):
        fragments.live_part(_progress, shown=True, every_s=TICK_S)(show_id)
        return
    failure = files.failure(show_id)
    if failure is not None:
        st.error(formatting.sentences(failure.title, failure.detail, failure.hint), icon=":material/error:")
    purpose = "Small copies of the clips inside, without sound: for mail, chat and phones."
    if sizes.small_bytes is not None:
        _row("small", "One file", query_params.file_link(show_id), f"{_megabytes(sizes.small_bytes)}. {purpose}")
    elif may_edit:
        with st.container(horizontal=True, vertical_alignment="center", key="muted_show_file_make"):
            st.button("Make one file", icon=":material/draft:", key="show_file_make", on_click=_make, args=(show_id,))
            st.text(f"About a second per clip. {purpose}")


def _progress(show_id: str) -> bool:
    """Say how far the small copies are; whether they are still being made."""
    files = layout.lab().shows.files
    is_making = files.is_making(show_id)
    sizes = files.sizes(show_id)
    done = sizes.clips - sizes.left
    st.text(
        f"Making small copies: {done} of {show_formatting.counted(sizes.clips, 'clip')} done. You can close this tab."
    )
    return is_making


def _row(name: str, label: str, href: str, about: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"muted_show_file_{name}"):
        st.link_button(label, href, icon=":material/download:")
        st.text(about)


def _make(show_id: str) -> None:
    layout.lab().shows.files.ask(show_id)


def _megabytes(size_bytes: float) -> str:
    return f"{max(0.1, size_bytes / 1e6):,.{0 if size_bytes >= 1e7 else 1}f} MB"  # noqa: PLR2004 - 10 MB
