"""A reference image from the archive, by its root-relative address, with words for those who do not see it."""

from __future__ import annotations

import streamlit as st

_HTML = """
<img class="picture">
"""

_CSS = """
:host { display: block; }
.picture { display: block; width: 100%; max-height: 132px; object-fit: contain; border-radius: 8px;
  background: var(--st-secondary-background-color); }
"""

_JS = """
export default function ({ data, parentElement }) {
  const image = parentElement.querySelector('.picture');
  if (image.getAttribute('src') !== data.src) image.src = data.src;
  image.alt = data.alt;
}
"""

_component = st.components.v2.component("rivya_picture", html=_HTML, css=_CSS, js=_JS)


def picture(sha256: str, alt: str, *, key: str) -> None:
    """Draw a kept image."""
    _component(key=key, data={"src": f"/images/{sha256}", "alt": alt})
