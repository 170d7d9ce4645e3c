"""The least a Streamlit app of two pages can be: a title and a button on each. The baseline of starting and switching."""

from __future__ import annotations

import streamlit as st


def first() -> None:
    """Draw one page."""
    st.title("First")
    st.button("Press first")


def second() -> None:
    """Draw the other page."""
    st.title("Second")
    st.button("Press second")


if __name__ == "__main__":
    pages = [st.Page(first, title="First", default=True), st.Page(second, title="Second")]
    st.navigation(pages, position="top").run()
