"""The only entry: an ASGI app when the server imports this file, the navigation frame when a session runs it.

Keep no state here: the file is loaded twice.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

if get_script_run_ctx(suppress_warning=True) is None:
    from rivya_core import web

    app = st.App(
        __file__,
        routes=web.routes(st.get_option("server.baseUrlPath")),
        middleware=web.middleware(),
        lifespan=web.lifespan,
    )
else:
    from pages._ui.app_shell import navigation

    navigation.navigate()
