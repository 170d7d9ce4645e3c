"""Files are checked before they leave, and their answers are read in any plausible form. Every test runs over both clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rivya_core.api import GenerationRequest, InvalidRequestError, ServerFaultError
from tests.api.images import jpeg, png
from tests.api.scripted import Script, answer

FILES = {
    "full": {"id": "f1", "url": "https://files.example/a", "kind": "image", "mime_type": "image/png", "size": 9},
    "url only": {"url": "https://files.example/a"},
    "file_id": {"file_id": "f1", "url": "https://files.example/a", "size_bytes": 9},
    "wrapped": {"data": {"id": "f1", "url": "https://files.example/a"}},
    "file": {"object": "file", "file": {"id": "f1", "url": "https://files.example/a"}},
    "odd fields": {"id": 5, "url": "https://files.example/a", "size": "many", "duration_seconds": "x", "kind": []},
}


@pytest.mark.parametrize("body", FILES.values(), ids=FILES)
def test_an_uploaded_file_is_read_in_any_plausible_form(client: Any, server: Script, body: object) -> None:
    """Only the url is documented; nothing else may be needed."""
    server.does(answer(201, body))
    assert client.upload(png()).url == "https://files.example/a"


def test_an_upload_sends_the_file_and_its_fields(client: Any, server: Script, tmp_path: Path) -> None:
    """Multipart with the documented fields; bytes and a path send the same."""
    data = jpeg()
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    server.does(answer(200, FILES["full"]))
    for source in (data, path, str(path)):
        client.upload(source, name="photo.jpg", model="kling-v2-1-master", client_request_id="trace-1")
    for sent in server.received:
        assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert int(sent.headers["content-length"]) == len(sent.body)
        assert data in sent.body
        for part in (b'name="kind"', b"image", b'name="model"', b"kling-v2-1-master", b'name="client_request_id"',
                     b'filename="photo.jpg"', b"Content-Type: image/jpeg"):  # fmt: skip
            assert part in sent.body
        assert "idempotency-key" not in sent.headers


BAD_UPLOADS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "empty": (b"", {}, "file"),
    "too big": (b"\x89PNG\r\n\x1a\n" + bytes(10_000_000), {}, "file"),
    "not an image": (b"hello", {}, "file"),
    "gif": (b"GIF89a....", {}, "file"),
    "kind": (png(), {"kind": "picture"}, "kind"),
    "kind of the model": (png(), {"kind": "video", "model": "kling-v2-1-master"}, "kind"),
    "declared otherwise": (png(), {"mime_type": "image/jpeg"}, "mime_type"),
    "trace id": (png(), {"client_request_id": "x" * 129}, "client_request_id"),
    "no such path": (Path("/no/such/file.png"), {}, "file"),
    "a number": (7, {}, "file"),
}


@pytest.mark.parametrize(("source", "fields", "field"), BAD_UPLOADS.values(), ids=BAD_UPLOADS)
def test_a_file_outside_the_limits_is_not_sent(
    client: Any, server: Script, source: Any, fields: dict[str, Any], field: str
) -> None:
    """Kind, size, signature and trace id are checked before a byte leaves."""
    with pytest.raises(InvalidRequestError) as caught:
        client.upload(source, **fields)
    assert caught.value.field == field
    assert server.received == []


def test_a_failed_upload_charges_nothing_and_creates_nothing(client: Any, server: Script) -> None:
    """The create waits for the upload."""
    server.does(answer(500, b""))
    with pytest.raises(ServerFaultError) as caught:
        client.create(GenerationRequest(prompt="x", reference_image=png()), idempotency_key="k")
    assert caught.value.charged == "no"
    assert {post.path for post in server.posts()} == {"/api/v1/files"}
