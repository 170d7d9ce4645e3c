"""The link to a support bundle, from Connection and from a generation."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from pages._ui import addresses


def draw(*, generation_id: str | None = None, hours: int = 1, prompts: bool = False) -> None:
    """Draw the link; with ``generation_id`` it is about that one only, without prompts."""
    query: dict[str, str | int] = {"hours": hours, "prompts": int(prompts)}
    if generation_id is not None:
        query = {"generation": generation_id}
    key = "support_bundle" if generation_id is None else f"support_{generation_id}"
    st.link_button(
        "Support bundle", addresses.export("support.zip", urlencode(query)), icon=":material/support_agent:", key=key
    )
