"""``app.py`` with a stopwatch around each script run; ``/timings`` hands the milliseconds out and forgets them."""

from __future__ import annotations

import time

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from streamlit.runtime.scriptrunner import get_script_run_ctx

from tests.bench import stopwatch

if get_script_run_ctx(suppress_warning=True) is None:
    from rivya_core import web

    def timings(_request: Request) -> Response:
        """Answer the times of the runs since the last question."""
        return JSONResponse(stopwatch.taken())

    app = st.App(
        __file__, routes=[Route("/timings", timings), *web.routes()], middleware=web.middleware(), lifespan=web.lifespan
    )
else:
    from pages._ui.app_shell import navigation

    began = time.perf_counter()
    try:
        navigation.navigate()
    finally:
        stopwatch.keep((time.perf_counter() - began) * 1000)
