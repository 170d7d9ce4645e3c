"""Which URLs clips may be downloaded from, and what counts as a clip. Pure; ``media`` downloads.

Result URLs come from a server's answer and are not trusted (SSRF): https only (plain http only to this machine), no private
networks unless the API itself is on this machine, few redirects, each checked like the first URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from rivya_core.api.addresses import is_fake_ip, is_loopback, is_public, is_public_name
from rivya_core.api.content_coding import is_packed
from rivya_core.api.errors import Charged, DownloadError
from rivya_core.api.retry import parse_retry_after
from rivya_core.api.signatures import HEAD_BYTES, sniff

REDIRECTS_MAX = 5
MEDIA_MAX_BYTES = 500_000_000
"""Our limit; clips last 5 to 30 s and are far smaller."""

_REDIRECTS = {301, 302, 303, 307, 308}
_EXPIRED = {401, 403, 404, 410}
_RETRYABLE_STATUS = {408, 425, 429}
_PORT_MAX = 65_535
_CLIPS = {"video/mp4", "video/quicktime", "video/webm", "video/x-matroska"}
_HEADERS = {"Accept": "video/mp4, video/*;q=0.5, */*;q=0.1", "Accept-Encoding": "identity", "User-Agent": "rivya-lab"}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be downloaded. must_resolve_public: every IP address of its host must be public."""

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
    """Resolve a result URL against the API's base URL. The result is still untrusted; pass it to :func:`check_address`."""
    try:
        parsed = httpx.URL(url.strip())
        if parsed.scheme or not parsed.raw_path.strip(b"/") or " " in url.strip():
            return str(parsed)  # absolute, or not a URL at all
        return str(httpx.URL(base_url.rstrip("/") + "/").join(parsed))
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise _refused("The result address is not a usable URL") from error


def check_address(url: str, *, base_is_loopback: bool) -> Target:
    """Return the target of a URL that may be downloaded.

    Raises:
        DownloadError: it may not; not ``retryable``.
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
    """Check that all IP addresses of a host are public.

    Raises:
        DownloadError: one is not, or there are none.
    """
    if not addresses:
        raise download_error(f"The host {target.url.host} has no address", retryable=True)
    if all(is_fake_ip(address) for address in addresses):
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
    """Check a host that is resolved by the proxy: it must be a public host name.

    The IP address cannot be seen here, so addresses and local names are refused: they would reach into the proxy's own network.

    Raises:
        DownloadError: it is not a public host name.
    """
    if not is_public_name(target.url.raw_host.decode("ascii")):
        raise _refused(f"Through a proxy a clip is fetched from a public host name only, and {target.url.host} is none")


def request_for(target: Target, address: str | None, timeouts: Mapping[str, float]) -> httpx.Request:
    """Build the request, without credentials. address: connect to this IP address, with Host and SNI of the URL's host."""
    headers = {**_HEADERS, "Host": target.url.netloc.decode("ascii")}
    extensions: dict[str, object] = {"timeout": dict(timeouts)}
    url = target.url
    if address is not None:
        # TLS still verifies the certificate against the name, not against the IP address.
        extensions["sni_hostname"] = target.url.raw_host.decode("ascii")
        url = target.url.copy_with(host=address)
    return httpx.Request("GET", url, headers=headers, extensions=extensions)


def redirect_of(target: Target, response: httpx.Response) -> str | None:
    """Return the URL that a redirect points to, or None when the answer is not a redirect."""
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
        DownloadError: there is no clip; ``http_status`` shows whether the URL has expired.
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
        return None  # Content-Length is then the compressed size
    announced = response.headers.get("content-length", "").strip()
    size = int(announced) if announced.isascii() and announced.isdigit() and len(announced) < 20 else None  # noqa: PLR2004
    if size is not None and size > max_bytes:
        raise _too_large(max_bytes)
    return size


def _is_whole_range(response: httpx.Response) -> bool:
    """Return whether a 206 answer contains the whole file, such as ``bytes 0-99/100`` (RFC 9110, section 14.4)."""
    content_range = re.fullmatch(
        r"bytes 0-([0-9]{1,18})/([0-9]{1,18})", response.headers.get("content-range", "").strip()
    )
    return content_range is not None and int(content_range[1]) + 1 == int(content_range[2])


def content_type_of(response: httpx.Response) -> str:
    """Return the declared type without its parameters, in lower case."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def check_growth(size_bytes: int, max_bytes: int) -> None:
    """Raise DownloadError when a download exceeds the limit."""
    if size_bytes > max_bytes:
        raise _too_large(max_bytes)


def check_body(head: bytes, size_bytes: int, announced_bytes: int | None) -> None:
    """Check that a download is complete and that its first bytes are those of a video.

    Raises:
        DownloadError: it is not; ``retryable``.
    """
    if announced_bytes is not None and size_bytes != announced_bytes:
        raise download_error(f"Only {size_bytes} of {announced_bytes} bytes arrived", retryable=True, code="truncated")
    # Some servers send error pages with status 200 and the type of a video, so the content decides.
    if sniff(head[:HEAD_BYTES]) not in _CLIPS:
        what = "nothing" if size_bytes == 0 else "a file that is no MP4, QuickTime or WebM video"
        raise download_error(f"The address delivered {what} ({size_bytes} bytes)", retryable=True, code="not_a_video")


def too_many_redirects() -> DownloadError:
    """Build the error of a chain of redirects that is too long."""
    return _refused(f"The result address redirects more than {REDIRECTS_MAX} times")


def network_fault(target: Target, kind: str, through: str = "") -> DownloadError:
    """Build the error of a failed connection. kind: name of the exception. through: names the proxy, if any."""
    detail = f"The connection to {target.url.host}{through} failed, broke or timed out ({kind})"
    return download_error(detail, retryable=True)


def packing_fault(error: Exception) -> DownloadError:
    """Build the error of a clip that cannot be decompressed."""
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
