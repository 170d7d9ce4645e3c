"""The least a Streamlit page can be: one figure in a fragment that ticks. The baseline of the pages."""

from __future__ import annotations

import time

import streamlit as st


@st.fragment(run_every=2.0)
def ticking() -> None:
    """Draw one figure."""
    st.metric("Seconds", f"{time.time():.0f}")


if __name__ == "__main__":
    st.title("Bare")
    ticking()
