"""Sign-in by Streamlit (OpenID Connect): whether it is on, who is signed in, and what the signed cookie of a request claims.

On when Streamlit's secrets hold a section ``[auth]``. The one place that knows Streamlit's names for it, private ones included;
what a person may do is decided in the core alone, from the address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, wraps
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit.auth_util import get_origin_from_redirect_uri, get_secrets_auth_section
from streamlit.errors import Error
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.secrets import secrets_singleton

from rivya_core.api.errors import LabError
from rivya_core.lab.people.person import Person
from rivya_core.web import Who

COOKIE: Final = "_streamlit_user"

_MARK = "_tells_no_path"


@cache
def is_on() -> bool:
    """Tell whether people sign in here; looked up once a process.

    A secrets file that cannot be read may hold the section: then nobody gets in before it is mended.
    """
    if secrets_singleton.load_if_toml_exists():
        return bool(get_secrets_auth_section())
    return any(Path(name).is_file() for name in st.get_option("secrets.files"))


def person() -> Person | None:
    """Who is signed in in this session; None: nobody, or somebody who cannot be told by an address."""
    try:
        return _person()
    except LabError:
        return None


def trouble() -> LabError | None:
    """Why who came back from the provider is not signed in; None when nobody came."""
    try:
        _person()
    except LabError as error:
        return error
    return None


def _person() -> Person | None:
    claims = st.user.to_dict()
    return Person.of_claims(claims) if claims.get("is_logged_in") is True else None


def providers() -> list[str]:
    """The names of the providers to choose from; "" for the one without a name."""
    section = get_secrets_auth_section()
    named = [name for name, value in section.items() if isinstance(value, Mapping) and "client_id" in value]
    return named or [""]


def go_to(provider: str) -> str:
    """Send the browser to a provider; why that cannot be done, or "". A callback calls it."""
    try:
        st.login(provider or None)
    except Error as error:  # of Streamlit: a setting is missing, or the library
        return str(error)
    return ""


def by_cookie() -> Who | None:
    """What reads the signed cookie of a request; None while nobody has to sign in. The server asks once, before its first session."""
    if not is_on():
        return None
    _tell_no_path()
    return _claims


def _tell_no_path() -> None:
    """Have Streamlit name its script by the file alone: it tells every session, a stranger's too, where on this machine it is."""
    make = AppSession._create_new_session_message  # noqa: SLF001 - there is no public way
    if hasattr(make, _MARK):
        return

    @wraps(make)
    def made(*args: Any, **kwargs: Any) -> ForwardMsg:
        message = make(*args, **kwargs)
        message.new_session.main_script_path = Path(message.new_session.main_script_path).name
        return message

    setattr(made, _MARK, True)
    AppSession._create_new_session_message = made  # type: ignore[method-assign]  # noqa: SLF001


def _claims(connection: Any) -> Mapping[str, Any] | None:
    """What Streamlit itself would read from the cookie when a session begins, by the same secret and for the same origin."""
    from streamlit.web.server.starlette import starlette_auth_routes as streamlits  # noqa: PLC0415 - of the server alone

    signed = streamlits._get_cookie_value_from_request(connection, COOKIE)  # noqa: SLF001 - there is no public way
    try:
        claims = json.loads(signed or b"null")
    except ValueError:
        return None
    if not isinstance(claims, dict) or claims.get("is_logged_in") is not True:
        return None
    return claims if claims.get("origin") == get_origin_from_redirect_uri() else None
