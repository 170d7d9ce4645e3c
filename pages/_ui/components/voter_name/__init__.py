"""The voter's name, asked once for a browser: kept in its own storage, in no address and on no other server.

Where a browser keeps nothing, the name lasts as long as the session.

In: ``keep``. Out: the state ``name``.
"""

from __future__ import annotations

from pages._ui.components import component

_component = component("voter_name")


def voter_name(keep: str, *, key: str) -> str:
    """Keep a name in the browser ("" keeps nothing), and give the one it keeps; "" while that is not known."""
    result = _component(key=key, data={"keep": keep}, default={"name": ""}, on_name_change=_nothing)
    return str(result.name or "")


def _nothing() -> None:
    """Streamlit offers a state value only together with a callback."""
