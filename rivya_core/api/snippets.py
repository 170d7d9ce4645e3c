"""A recorded request as text to copy: cURL, Python, JSON. It names the variable with the API key, never the key."""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Mapping
from typing import Any

from rivya_core.api.contract import API_PREFIX, HEADER_IDEMPOTENCY_KEY, PATH_FILES, PATH_GENERATIONS, REFERENCE_KEY

_FILE_URL = "URL_FROM_THE_UPLOAD"
_KEY_WORDS = "needs your API key in the environment variable RIVYA_API_KEY"
_NO_TRACE_WORDS = "no client_request_id is sent: the lab sends the id of its own generation, and this is another one"
_ONCE_WORDS = "run again with this value it is the same clip, paid once; another clip needs another value"


def as_json(canonical: Mapping[str, Any]) -> str:
    """Return the body of ``POST /generations`` as indented JSON, with a placeholder for the URL of a reference image."""
    return json.dumps(_body(canonical), ensure_ascii=False, indent=2)


def as_curl(canonical: Mapping[str, Any], base_url: str, *, idempotency_key: str | None = None) -> str:
    """Return commands for a POSIX shell: the upload, if there is an image, then the create.

    idempotency_key: default a new one. It is written into the commands, so running them twice buys one clip; another clip needs
    another key.
    """
    address = base_url.rstrip("/") + API_PREFIX
    image = canonical.get("reference_image")
    lines = [
        f"# {_KEY_WORDS}",
        *_no_trace(canonical),
        f"# {_ONCE_WORDS}",
        f"IDEMPOTENCY_KEY={shlex.quote(idempotency_key or _new_key())}",
    ]
    if isinstance(image, Mapping):
        name, mime = str(image.get("name") or "reference-image"), str(image.get("mime") or "image/jpeg")
        form = shlex.quote(f"file=@{name};type={mime}")
        lines += [
            "# 1. upload the image, then put the url of the answer in the place of " + _FILE_URL,
            f"curl -sS -X POST {shlex.quote(address + PATH_FILES)} \\",
            '  -H "Authorization: Bearer $RIVYA_API_KEY" \\',
            f"  -F {form} -F kind=image -F {shlex.quote('model=' + str(canonical.get('model')))}",
            "# 2. create the clip",
        ]
    lines += [
        f"curl -sS -X POST {shlex.quote(address + PATH_GENERATIONS)} \\",
        '  -H "Authorization: Bearer $RIVYA_API_KEY" \\',
        "  -H 'Content-Type: application/json' \\",
        f'  -H "{HEADER_IDEMPOTENCY_KEY}: $IDEMPOTENCY_KEY" \\',
        f"  --data-raw {shlex.quote(as_json(canonical))}",
    ]
    return "\n".join(lines) + "\n"


def as_python(canonical: Mapping[str, Any], base_url: str | None = None, *, idempotency_key: str | None = None) -> str:
    """Return a script for this library's client, which reads the key from ``RIVYA_API_KEY``.

    base_url: default the client's own. idempotency_key: as in :func:`as_curl`.
    """
    arguments = [f"    prompt={canonical.get('prompt')!r},", f"    model={canonical.get('model')!r},"]
    arguments.append(f"    params={canonical.get('params') or {}!r},")
    image = canonical.get("reference_image")
    if isinstance(image, Mapping):
        arguments.append(f"    reference_image={image.get('name') or 'reference-image'!r},  # path of your image")
    if canonical.get("client_request_id"):
        arguments.append(f"    client_request_id={canonical['client_request_id']!r},")
    address = "" if base_url is None else f"base_url={base_url.rstrip('/')!r}"
    return "\n".join(
        [
            f"# {_KEY_WORDS}",
            *_no_trace(canonical),
            "from rivya_core import GenerationRequest, Rivya",
            "",
            "request = GenerationRequest(",
            *arguments,
            ")",
            f"# {_ONCE_WORDS}",
            f"IDEMPOTENCY_KEY = {idempotency_key or _new_key()!r}",
            f"with Rivya({address}) as rivya:",
            "    generation = rivya.generate(request, wait=True, idempotency_key=IDEMPOTENCY_KEY)",
            '    rivya.download(generation, "clip.mp4")',
            "",
        ]
    )


def _no_trace(canonical: Mapping[str, Any]) -> list[str]:
    return [] if canonical.get("client_request_id") else [f"# {_NO_TRACE_WORDS}"]


def _new_key() -> str:
    return f"copy-{uuid.uuid4()}"


def _body(canonical: Mapping[str, Any]) -> dict[str, Any]:
    params = dict(canonical.get("params") or {})
    image = canonical.get("reference_image")
    if isinstance(image, Mapping):
        params[REFERENCE_KEY] = [
            {"url": _FILE_URL, "kind": "image", "name": image.get("name"), "mimeType": image.get("mime")}
        ]
    body = {"model": canonical.get("model"), "prompt": canonical.get("prompt"), "params": params}
    if canonical.get("client_request_id"):
        body["client_request_id"] = canonical["client_request_id"]
    return body
