"""The only entry: an ASGI app when the server imports this file, the navigation frame when a session runs it.

Keep no state here: the file is loaded twice.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

if get_script_run_ctx(suppress_warning=True) is None:
    from pages._ui import addresses, sign_in
    from rivya_core import web

    below, who = st.get_option("server.baseUrlPath"), sign_in.by_cookie()
    middleware = web.middleware(below, who, addresses.own)
    app = st.App(__file__, routes=web.routes(below, who), middleware=middleware, lifespan=web.lifespan)
else:
    from pages._ui.app_shell import navigation

    navigation.navigate()
