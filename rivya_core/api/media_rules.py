"""Where a clip may be fetched from, and what counts as one. Pure; ``media`` does the fetching.

A result address comes from a server's answer, so it is not trusted: https only (plain http only to this machine), never
into a private network unless the API itself is on this machine, few redirects, each checked like the first address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from rivya_core.api.addresses import is_fake, is_loopback, is_name_elsewhere, is_public
from rivya_core.api.content_coding import is_packed
from rivya_core.api.errors import Charged, DownloadError
from rivya_core.api.retry import parse_retry_after
from rivya_core.api.signatures import HEAD_BYTES, sniff

REDIRECTS_MAX = 5
MEDIA_MAX_BYTES = 500_000_000
"""Ours: no clip of 5 to 30 s is larger; a server that sends more is stopped."""

_REDIRECTS = {301, 302, 303, 307, 308}
_EXPIRED = {401, 403, 404, 410}
_RETRYABLE_STATUS = {408, 425, 429}
_PORT_MAX = 65_535
_CLIPS = {"video/mp4", "video/quicktime", "video/webm", "video/x-matroska"}
_HEADERS = {"Accept": "video/mp4, video/*;q=0.5, */*;q=0.1", "Accept-Encoding": "identity", "User-Agent": "rivya-lab"}


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be fetched. ``must_resolve_public``: its host must not lie in a private network."""

    url: httpx.URL
    must_resolve_public: bool


def download_error(
    detail: str,
    hint: str = "",
    *,
    retryable: bool,
    http_status: int | None = None,
    code: str | None = None,
    retry_after_s: float | None = None,
    charged: Charged = "yes",
) -> DownloadError:
    """Build the error of a download; the task itself succeeded, so credits were taken."""
    return DownloadError(
        "The clip could not be fetched",
        detail,
        hint
        or ("Fetching it again is safe and costs nothing" if retryable else "Read the task again for a fresh address"),
        charged=charged,
        retryable=retryable,
        http_status=http_status,
        code=code,
        retry_after_s=retry_after_s,
    )


def joined(base_url: str, url: str) -> str:
    """Return a result address as a whole one: what is relative is meant from the API's own address.

    The result is an address from an answer like any other, and is checked like one.
    """
    try:
        parsed = httpx.URL(url.strip())
        if parsed.scheme or not parsed.raw_path.strip(b"/") or " " in url.strip():
            return str(parsed)  # whole, or no address at all
        return str(httpx.URL(base_url.rstrip("/") + "/").join(parsed))
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise _refused("The result address is not a usable URL") from error


def check_address(url: str, *, base_is_loopback: bool) -> Target:
    """Return the target if its form is allowed.

    Raises:
        DownloadError: it is not; fetching the same address again cannot help.
    """
    try:
        parsed = httpx.URL(url)
        host, credentials, port = parsed.host, parsed.userinfo, parsed.port or 443
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise _refused("The result address is not a usable URL") from error
    if not host or credentials or port > _PORT_MAX:
        raise _refused("The result address names no host or port that can be used, or holds a user name")
    if parsed.scheme != "https" and not (parsed.scheme == "http" and base_is_loopback and is_loopback(host)):
        raise _refused(f"The result address uses {parsed.scheme or 'no scheme'}; only https is fetched from {host}")
    if is_loopback(host) and not base_is_loopback:
        raise _in_private(host)
    return Target(parsed.copy_with(fragment=None), must_resolve_public=not base_is_loopback)


def check_resolved(target: Target, addresses: Sequence[str]) -> None:
    """Make sure that every address a host resolves to is public.

    Raises:
        DownloadError: one is not, or there is none.
    """
    if not addresses:
        raise download_error(f"The host {target.url.host} has no address", retryable=True)
    if all(is_fake(address) for address in addresses):
        raise download_error(
            f"This machine's DNS gives {target.url.host} a made-up address ({', '.join(addresses[:2])}), as proxies in TUN "
            "mode do (fake-IP), so where the clip would come from cannot be checked",
            "Set HTTPS_PROXY to the HTTP port of that proxy (http://127.0.0.1:port) and start again; the clip is then "
            "fetched through it, which costs nothing",
            retryable=False,
        )
    if not all(is_public(address) for address in addresses):
        raise _in_private(target.url.host)


def check_proxied(target: Target) -> None:
    """Make sure that a host which only the proxy resolves is a name elsewhere.

    What it resolves to is the proxy's business; an address, and a name of this machine or of a private network, is not.

    Raises:
        DownloadError: it is none.
    """
    if not is_name_elsewhere(target.url.raw_host.decode("ascii")):
        raise _refused(f"Through a proxy a clip is fetched from a public host name only, and {target.url.host} is none")


def request_for(target: Target, address: str | None, timeouts: Mapping[str, float]) -> httpx.Request:
    """Build the request, without any credential; to ``address`` itself when given, so that no second lookup can differ."""
    headers = {**_HEADERS, "Host": target.url.netloc.decode("ascii")}
    extensions: dict[str, object] = {"timeout": dict(timeouts)}
    url = target.url
    if address is not None:
        extensions["sni_hostname"] = target.url.raw_host.decode("ascii")
        url = target.url.copy_with(host=address)
    return httpx.Request("GET", url, headers=headers, extensions=extensions)


def redirect_of(target: Target, response: httpx.Response) -> str | None:
    """Return the address that an answer points to, or None when it is no redirect."""
    if response.status_code not in _REDIRECTS:
        return None
    location = response.headers.get("location", "")
    try:
        return str(target.url.join(location)) if location else None
    except (httpx.InvalidURL, ValueError):
        raise _refused("A redirect points to an address that is not usable") from None


def check_head(response: httpx.Response, max_bytes: int) -> int | None:
    """Check status and headers; return the announced size in bytes, if any.

    Raises:
        DownloadError: there is no clip at this address; ``http_status`` tells whether the address has expired.
    """
    status = response.status_code
    whole = status in {200, 203} or (status == httpx.codes.PARTIAL_CONTENT and _is_whole_range(response))
    if not whole:
        raise _bad_status(response)
    content_type = content_type_of(response)
    if content_type.startswith(("text/html", "application/json", "application/xhtml")):
        raise download_error(
            f"The address answers with {content_type} instead of a video", retryable=True, http_status=status
        )
    if is_packed(response.headers.get_list("content-encoding")):
        return None  # the length is that of the compressed bytes; what was not asked for is unpacked all the same
    announced = response.headers.get("content-length", "").strip()
    size = int(announced) if announced.isascii() and announced.isdigit() and len(announced) < 20 else None  # noqa: PLR2004
    if size is not None and size > max_bytes:
        raise _too_large(max_bytes)
    return size


def _is_whole_range(response: httpx.Response) -> bool:
    """True for a part that is the whole: ``bytes 0-99/100``."""
    told = re.fullmatch(r"bytes 0-([0-9]{1,18})/([0-9]{1,18})", response.headers.get("content-range", "").strip())
    return told is not None and int(told[1]) + 1 == int(told[2])


def content_type_of(response: httpx.Response) -> str:
    """Return the declared type without its parameters, in lower case."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def check_growth(size_bytes: int, max_bytes: int) -> None:
    """Stop a download that grows beyond the limit."""
    if size_bytes > max_bytes:
        raise _too_large(max_bytes)


def check_body(head: bytes, size_bytes: int, announced_bytes: int | None) -> None:
    """Check what arrived: all of it, and a video by its first bytes.

    Raises:
        DownloadError: it is cut off or not a video; fetching it again may help.
    """
    if announced_bytes is not None and size_bytes != announced_bytes:
        raise download_error(f"Only {size_bytes} of {announced_bytes} bytes arrived", retryable=True, code="truncated")
    if sniff(head[:HEAD_BYTES]) not in _CLIPS:
        what = "nothing" if size_bytes == 0 else "a file that is no MP4, QuickTime or WebM video"
        raise download_error(f"The address delivered {what} ({size_bytes} bytes)", retryable=True, code="not_a_video")


def too_many_redirects() -> DownloadError:
    """Build the error of a chain of redirects that is too long."""
    return _refused(f"The result address redirects more than {REDIRECTS_MAX} times")


def network_fault(target: Target, kind: str, through: str = "") -> DownloadError:
    """Build the error of a connection that broke; ``through`` names the proxy, if any."""
    detail = f"The connection to {target.url.host}{through} failed, broke or timed out ({kind})"
    return download_error(detail, retryable=True)


def packing_fault(error: Exception) -> DownloadError:
    """Build the error of a clip that arrived packed and cannot be unpacked."""
    return download_error(f"The clip could not be read: {error}", retryable=True, code="packed")


def _bad_status(response: httpx.Response) -> DownloadError:
    status = response.status_code
    if status in _EXPIRED:
        return download_error(
            f"The result address has expired or is not open (status {status})",
            retryable=False,
            http_status=status,
            code="expired",
        )
    from datetime import UTC, datetime  # noqa: PLC0415 - only for a date in Retry-After

    return download_error(
        f"The address answers with status {status}",
        retryable=status >= httpx.codes.INTERNAL_SERVER_ERROR or status in _RETRYABLE_STATUS or response.is_success,
        http_status=status,
        retry_after_s=parse_retry_after(
            response.headers.get("retry-after"), datetime.now(UTC), date=response.headers.get("date")
        ),
    )


def _refused(detail: str) -> DownloadError:
    return download_error(
        detail, "It was not fetched; read the task again, and report the address to Rivya", retryable=False
    )


def _in_private(host: str) -> DownloadError:
    return _refused(f"The host {host} lies in a private network, where no clip is fetched from")


def _too_large(max_bytes: int) -> DownloadError:
    return _refused(f"The file is larger than {max_bytes // 1_000_000} MB")
