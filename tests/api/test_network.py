"""One plan decides how others are reached: for both clients and the downloads alike, a proxy is used or refused in words."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given, strategies as st

from rivya_core.api import AsyncMediaClient, AsyncRivya, DownloadError, MediaClient, Rivya, TransportError
from rivya_core.api.errors import ConfigurationError
from rivya_core.api.network import Network, read_network
from rivya_core.api.proxies import Proxy, plain, read_no_proxy, read_proxy
from tests.api.conftest import KEY
from tests.api.scripted import Script, answer
from tests.api.test_media import GOOD, make_media
from tests.api.tunnel import AUTHORITY, Tunnel, server_tls

__all__ = ["make_media"]

SECRET = "s3kr1t-w0rd"
API = "https://api.example"


def way(url: str) -> Proxy | None:
    """The proxy on the way to an address, as the environment stands."""
    return read_network().route_to(httpx.URL(url)).proxy


USED = {
    "plain": ("http://proxy.example:8080", "http://proxy.example:8080", None),
    "no scheme": ("127.0.0.1:8080", "http://127.0.0.1:8080", None),
    "no scheme, slashes": ("//127.0.0.1:8080", "http://127.0.0.1:8080", None),
    "no port": ("http://proxy", "http://proxy:80", None),
    "of TLS": ("HTTPS://proxy.example/", "https://proxy.example:443", None),
    "blanks and quotes": ("  'http://proxy.example:8080/' ", "http://proxy.example:8080", None),
    "path": ("http://proxy.example:8080/x?y#z", "http://proxy.example:8080", None),
    "IPv6": ("http://[::1]:8080", "http://[::1]:8080", None),
    "user": ("http://me@proxy:1", "http://proxy:1", "me:"),
    "quoted password": ("http://me:a%40b%3Ac%25@proxy:1", "http://proxy:1", "me:a@b:c%"),
    "raw password": ("http://me:a@b/c#d?e:f@proxy:1", "http://proxy:1", "me:a@b/c#d?e:f"),
    "no scheme, password": ("me:pw@proxy:1", "http://proxy:1", "me:pw"),
    "beyond ASCII": ("http://müller:é@bücher.example:1", "http://xn--bcher-kva.example:1", "müller:é"),
}


@pytest.mark.parametrize(("value", "url", "user"), USED.values(), ids=USED)
def test_a_proxy_is_read_in_every_form(value: str, url: str, user: str | None) -> None:
    """As desktops, shells and container files write it; user and password never stand in the address."""
    proxy = read_proxy("HTTPS_PROXY", plain(value))
    told = proxy.headers.get("Proxy-Authorization", "")
    assert (proxy.url, base64.b64decode(told.removeprefix("Basic ")).decode() or None) == (url, user)
    assert told == "" or told not in repr(proxy)


REFUSED = {
    "socks": ("socks://127.0.0.1:7891/", "SOCKS"),
    "socks5": (f"socks5://me:{SECRET}@127.0.0.1:1080", "SOCKS"),
    "socks5h": ("socks5h://h:1", "SOCKS"),
    "socks4": ("SOCKS4://h:1", "SOCKS"),
    "another scheme": (f"ftp://{SECRET}@h:1", "such as"),
    "script": ("pac+http://h/x.pac", "such as"),
    "only a scheme": ("http://", "port"),
    "only a user": (f"http://me:{SECRET}@", "such as"),
    "port of six digits": (f"http://me:{SECRET}@h:123456", "port"),
    "port 0": ("http://h:0", "port"),
    "port of words": ("http://h:http", "port"),
    "port of many digits": ("http://h:" + "9" * 5000, "port"),
    "bare IPv6": ("http://::1:8080", "brackets"),
    "no IPv6": ("http://[zz]:8080", "brackets"),
    "open bracket": ("http://[::1", "brackets"),
    "blank inside": ("http://a b:8080", "such as"),
    "control character": ("http://a\x01b:8080", "such as"),
    "long label": ("http://" + "a" * 70 + "é.example", "such as"),
}


@pytest.mark.parametrize(("value", "word"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
def test_a_proxy_that_cannot_be_used_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, word: str
) -> None:
    """By all four clients, naming variable and rule, never the value."""
    monkeypatch.setenv(name, value)
    for make in (lambda: Rivya(KEY), lambda: AsyncRivya(KEY), lambda: MediaClient(API), lambda: AsyncMediaClient(API)):
        with pytest.raises(ConfigurationError, match=word) as caught:
            make()
        assert name in str(caught.value)
        assert SECRET not in str(caught.value)
        assert caught.value.field == name.lower()


@given(st.text(), st.text())
@example("http://", "h:1")
@example("", "[::1%25eth0]:1")
@example("\udcff:", "h")
def test_any_value_is_used_or_refused(before: str, behind: str) -> None:
    """No value of the world raises anything else, or is told."""
    told = ""
    try:
        proxy = read_proxy("HTTPS_PROXY", f"{before}{SECRET}@{behind}")
    except ConfigurationError as error:
        told = str(error)
    else:
        told = f"{proxy!r} {httpx.URL(proxy.url)}"
    assert SECRET not in told


@given(st.text())
def test_any_exception_is_read(value: str) -> None:
    """What is no entry covers nothing."""
    for entry in read_no_proxy(value):
        entry.covers("media.example", 443)


BYPASSES = [
    ("*", "api.example", True),
    ("api.example", "api.example", True),
    ("API.example.", "api.example", True),
    (".example", "api.example", True),
    ("*.example", "api.example", True),
    ("example", "api.example", True),
    ("ample", "api.example", False),
    ("other, api.example", "api.example", True),
    ("other api.example", "api.example", True),
    ('"api.example"', "api.example", True),
    ("https://api.example/", "api.example", True),
    ("api.example:443", "api.example", True),
    ("api.example:8443", "api.example", False),
    ("api.example:x", "api.example", False),
    ("10.0.0.0/8", "10.1.2.3", True),
    ("10.0.0.0/8", "11.1.2.3", False),
    ("10.1.2.3:443", "10.1.2.3", True),
    ("[2001:db8::1]:443", "[2001:db8::1]", True),
    ("2001:db8::/32", "[2001:db8::1]", True),
    ("10.0.0.0/99", "10.1.2.3", False),
    ("", "api.example", False),
]


@pytest.mark.parametrize(("entries", "host", "is_direct"), BYPASSES)
def test_no_proxy_names_who_is_reached_directly(
    monkeypatch: pytest.MonkeyPatch, entries: str, host: str, is_direct: bool
) -> None:
    """Names with all below them, networks, ports, in the forms that curl, Go and Python take."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("NO_PROXY", entries)
    assert (way(f"https://{host}/x") is None) is is_direct


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "http://localhost:9", "https://127.8.0.1", "https://[::1]:9", "https://a.localhost"]
)
def test_this_machine_is_never_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Whatever the variables say, however broken they are."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.setenv(name, "socks5://[broken")
    assert way(url) is None


def test_of_two_spellings_the_lower_case_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in curl; an empty one switches the other off, and ALL_PROXY stands in for what is not set."""
    monkeypatch.setenv("HTTPS_PROXY", "http://capitals:1")
    assert way(API) == Proxy("HTTPS_PROXY", "http", "capitals", 1)
    monkeypatch.setenv("https_proxy", "http://small:1")
    assert way(API) == Proxy("https_proxy", "http", "small", 1)
    monkeypatch.setenv("https_proxy", " ")
    assert way(API) is None
    monkeypatch.setenv("ALL_PROXY", "http://all:1")
    assert way(API) == Proxy("ALL_PROXY", "http", "all", 1)


def test_certificates_that_are_gone_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A live address is refused in words; this machine over plain http needs none."""
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    bad = [
        ("SSL_CERT_FILE", "/gone/cacert.pem"), ("SSL_CERT_FILE", str(tmp_path)), ("ssl_cert_file", str(junk)),
        ("SSL_CERT_FILE", "/gone/" + "x" * 5000), ("SSL_CERT_DIR", "/gone"), ("SSL_CERT_DIR", str(junk)),
        ("SSLKEYLOGFILE", "/gone/keys"),
    ]  # fmt: skip
    for name, value in bad:
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            for make in (Rivya, AsyncRivya):
                with pytest.raises(ConfigurationError, match=name):
                    make(KEY)
            assert read_network().route_to(httpx.URL("http://127.0.0.1:9")).tls is None
            MediaClient("http://127.0.0.1:9").close()
    for name, value in (
        ("SSL_CERT_FILE", ""),
        ("SSL_CERT_FILE", f"'{AUTHORITY}'"),
        ("SSL_CERT_DIR", f"/gone:{tmp_path}"),
    ):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            assert read_network().route_to(httpx.URL(API)).tls is not None


def test_the_plan_shows_no_password() -> None:
    """Nor does an object that may end in a log."""
    assert SECRET not in repr(Network("HTTPS_PROXY", f"http://me:{SECRET}@h:1"))


@pytest.fixture(params=["http", "https"])
def proxied(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Script, Tunnel]]:
    """A TLS server whose names only the proxy of HTTPS_PROXY knows; the proxy itself is spoken to over http or TLS."""
    script = Script(tls=server_tls())
    tunnel = Tunnel(script.port, tls=server_tls() if request.param == "https" else None)
    monkeypatch.setenv("HTTPS_PROXY", f"{request.param}://me%40x:{SECRET}@127.0.0.1:{tunnel.port}")
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    yield script, tunnel
    tunnel.stop()
    script.stop()


def test_calls_and_clips_go_through_the_proxy(
    make_client: Callable[..., Any], make_media: Callable[..., Any], proxied: tuple[Script, Tunnel], tmp_path: Path
) -> None:
    """Names that only the proxy resolves; the key goes to the API alone, the password to the proxy alone."""
    server, tunnel = proxied
    server.does(answer(200, {"object": "credits", "current_credits": 7}))
    assert make_client(API).credits().current_credits == 7
    assert KEY in server.received[0].headers["authorization"]
    server.does(answer(302, b"", {"Location": "https://api.example/clip.mp4?a=%2F"}), GOOD)
    make_media(API, resolver=_nobody).fetch("https://media.example/x", tmp_path / "x.part")
    assert server.received[-1].path == "/clip.mp4?a=%2F"
    assert {"authorization", "proxy-authorization", "cookie"}.isdisjoint(server.received[-1].headers)
    hosts = ["api.example", "media.example", "api.example"]
    assert tunnel.asked == [f"CONNECT {host}:443 HTTP/1.1" for host in hosts]
    told = base64.b64encode(f"me@x:{SECRET}".encode()).decode()
    for head in tunnel.heads:
        assert f"proxy-authorization: Basic {told}" in head.replace("Proxy-A", "proxy-a")
        assert KEY not in head


def _nobody(_host: str, _port: int) -> list[str]:
    raise AssertionError("a name was resolved here")


IN_HOUSE = [
    "localhost", "a.localhost", "intranet", "10.0.0.1", "127.0.0.1", "169.254.169.254", "2130706433", "0x7f000001", "0x7f.1",
    "017700000001", "127.1", "10.0.0.1.", "[::1]", "[::ffff:10.0.0.1]", "[fec0::1]", "nas.local", "x.internal", "localhost.localdomain",
    "8.8.8.8", "a..b", "%6cocalhost",
]  # fmt: skip


@pytest.mark.parametrize("host", IN_HOUSE)
def test_no_address_and_no_name_of_the_own_network_is_asked_of_a_proxy(
    monkeypatch: pytest.MonkeyPatch, make_media: Callable[..., Any], server: Script, tmp_path: Path, host: str
) -> None:
    """What a name resolves to is the proxy's business; what is no name of somebody else's is not."""
    monkeypatch.setenv("HTTPS_PROXY", server.base_url)
    with pytest.raises(DownloadError) as caught:
        make_media(API).fetch(f"https://{host}/x", tmp_path / "x.part")
    assert not caught.value.retryable
    assert server.received == []


def test_a_proxy_that_refuses_is_named(
    make_client: Callable[..., Any], make_media: Callable[..., Any], proxied: tuple[Script, Tunnel], tmp_path: Path
) -> None:
    """Its variable stands in the sentence; user and password do not."""
    _, tunnel = proxied
    tunnel.refuses = "407 Proxy Authentication Required"
    with pytest.raises(TransportError, match="proxy of HTTPS_PROXY") as call:
        make_client(API).post_generation(b"{}", idempotency_key="k")
    with pytest.raises(DownloadError, match="proxy of HTTPS_PROXY") as clip:
        make_media(API).fetch("https://media.example/x", tmp_path / "x.part")
    assert call.value.charged == "unknown"
    assert clip.value.retryable
    assert SECRET not in f"{call.value} {clip.value}"


def test_a_host_of_no_proxy_is_resolved_and_checked_here(
    monkeypatch: pytest.MonkeyPatch, make_media: Callable[..., Any], tmp_path: Path
) -> None:
    """The rule of the direct way holds for it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("NO_PROXY", "media.example")
    with pytest.raises(DownloadError, match="private"):
        make_media(API, resolver=lambda *_: ["10.0.0.1"]).fetch("https://media.example/x", tmp_path / "x.part")


def test_made_up_addresses_are_named_for_what_they_are(make_media: Callable[..., Any], tmp_path: Path) -> None:
    """Proxies in TUN mode answer DNS out of a range of their own; the sentence says what to set."""
    for addresses in (["198.18.0.23"], ["198.19.255.1", "fc00::17"], ["fdfe:dcba:9876::5"]):
        with pytest.raises(DownloadError, match="fake-IP") as caught:
            make_media(API, resolver=lambda *_, found=addresses: found).fetch("https://media.example/x", tmp_path / "x")
        assert "HTTPS_PROXY" in caught.value.hint
    with pytest.raises(DownloadError, match="private"):
        make_media(API, resolver=lambda *_: ["198.18.0.1", "10.0.0.1"]).fetch("https://media.example/x", tmp_path / "x")


def test_a_redirect_is_decided_anew(
    make_media: Callable[..., Any], proxied: tuple[Script, Tunnel], tmp_path: Path
) -> None:
    """Through a proxy too, no hop leads into the own network."""
    server, _ = proxied
    server.does(answer(302, b"", {"Location": "https://169.254.169.254/latest"}))
    with pytest.raises(DownloadError, match="public host name"):
        make_media(API).fetch("https://media.example/x", tmp_path / "x.part")


def test_an_unusable_proxy_does_not_keep_the_simulator_from_working(
    monkeypatch: pytest.MonkeyPatch, make_client: Callable[..., Any], server: Script
) -> None:
    """Loopback is direct for calls of both clients."""
    monkeypatch.setenv("ALL_PROXY", "socks5://nowhere:1")
    monkeypatch.setenv("SSL_CERT_FILE", "/gone")
    server.does(answer(200, {"object": "credits", "current_credits": 7}))
    assert make_client(server.base_url).credits().current_credits == 7


def test_a_loopback_server_whose_clip_lies_elsewhere_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, make_media: Callable[..., Any], server: Script, tmp_path: Path
) -> None:
    """The variables count from the first address on that is not this machine."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://nowhere:1")
    server.does(answer(302, b"", {"Location": "https://media.example/x"}))
    with pytest.raises(DownloadError, match="HTTPS_PROXY"):
        make_media(server.base_url).fetch(f"{server.base_url}/x", tmp_path / "x.part")


def test_an_async_client_made_without_a_loop_is_refused_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan is made with the client, not with its first call."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://h:1")

    async def made() -> None:
        AsyncRivya(KEY)

    with pytest.raises(ConfigurationError):
        asyncio.run(made())
