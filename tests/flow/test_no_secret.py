"""P4: the key stands nowhere: not on disk in any coding, not in logs, errors, snippets or exports, not at the media host."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import itertools
import json
import logging
import pickle
import secrets
import sqlite3
import traceback
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rivya_core import GenerationRequest, Rivya
from rivya_core.api import as_curl, as_json, as_python
from rivya_core.api.contract import KEY_PREFIX
from rivya_core.api.errors import RivyaError
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.records import HistoryFilter
from rivya_core.lab.ledger.states import State
from rivya_core.web.exports import csv_lines, json_lines
from tests.flow.outside import Outside
from tests.pace import quicken
from tests.until import until

SECRET = "5e17ine1" + secrets.token_hex(16)
KEY = f"{KEY_PREFIX}sentinel_{SECRET}"


def codings(secret: bytes) -> set[bytes]:
    """The secret plain, in hex, and in both base64 alphabets at each of the three offsets it can have."""
    found = {secret, secret.hex().encode(), secret[::-1]}
    for offset, shown in ((0, 0), (1, 2), (2, 3)):
        whole = (offset + len(secret)) // 3 * 3 - offset
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"\0" * offset + secret[:whole])[shown:])
    return found


NEEDLES = codings(SECRET.encode())


def holds_secret(data: bytes, depth: int = 3) -> bool:
    """Search bytes, and what they are when decoded from base64, gzip or zlib."""
    if any(needle in data for needle in NEEDLES):
        return True
    return depth > 0 and any(holds_secret(inner, depth - 1) for inner in opened(data))


def opened(data: bytes) -> Iterator[bytes]:
    """What bytes are under the codings that stores use."""
    for decode in (gzip.decompress, zlib.decompress, lambda text: base64.b64decode(text, validate=True)):
        try:
            inner = decode(data)
        except (OSError, EOFError, ValueError, zlib.error, binascii.Error):
            continue
        if inner:
            yield inner


def cells(path: Path) -> Iterator[tuple[str, bytes]]:
    """Every text and blob of every table of a database, the engine's own tables included."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in database.execute(f'SELECT * FROM "{table}"'):
            for value in row:
                if isinstance(value, (str, bytes)):
                    yield table, value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    database.close()


def places_with_secret(folder: Path) -> list[str]:
    """Every file, and every database cell, of a folder in which the secret stands."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if holds_secret(path.read_bytes()):
            found.append(str(path))
        if path.suffix == ".sqlite3":
            found += [f"{path}:{table}" for table, value in cells(path) if holds_secret(value)]
    return found


@pytest.mark.parametrize("pad", [0, 1, 2])
def test_the_search_finds_what_it_is_meant_to_find(tmp_path: Path, pad: int) -> None:
    """A key pickled, encoded, compressed, or inside a database cell is found; an empty folder is clean."""
    assert places_with_secret(tmp_path) == []
    pickled = base64.b64encode(b"." * pad + pickle.dumps({"key": KEY}))
    (tmp_path / "plain.log").write_text(f"Bearer {KEY}")
    (tmp_path / "cell.txt").write_bytes(pickled)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(pickled))
    database = sqlite3.connect(tmp_path / "a.sqlite3")
    database.execute("CREATE TABLE inputs (value TEXT)")
    database.execute("INSERT INTO inputs VALUES (?)", (base64.b64encode(gzip.compress(pickled)).decode(),))
    database.commit()
    database.close()
    assert [Path(found).name for found in places_with_secret(tmp_path)] == [
        "a.sqlite3:inputs",
        "cell.txt",
        "packed.gz",
        "plain.log",
    ]


@pytest.fixture
def debug_log() -> Iterator[io.StringIO]:
    """Everything that any library logs, at DEBUG, SQL parameters included."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(generation_id)s", defaults={"generation_id": ""}))
    names = ("", "rivya", "dbos", "sqlalchemy.engine", "httpx", "httpcore", "aiohttp", "asyncio", "alembic")
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    loggers[0].addHandler(handler)
    yield stream
    loggers[0].removeHandler(handler)
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


def photo() -> bytes:
    """A small PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (320, 320), (20, 90, 200)).save(buffer, "PNG")
    return buffer.getvalue()


def told(lab: Lab, ids: list[str]) -> str:
    """All that a lab says of some generations and of itself: rows, timelines, exports, snippets, health, settings."""
    rows = [lab.get(id_) for id_ in ids]
    parts: list[object] = [lab.settings, lab.settings.model_dump(), lab.health(), lab.budget(), lab.balance(), lab]
    for row in rows:
        parts += [row, lab.events(row.id), lab.movements(row.id)]
        parts += [as_curl(row.request, lab.connection), as_python(row.request), as_json(row.request)]
    everything = HistoryFilter()
    parts += itertools.chain(
        csv_lines(lab.history.marked(lab.history.export_rows(everything))),
        json_lines(lab.history.marked(lab.history.export_rows(everything))),
    )
    return "\n".join(f"{part} {part!r}" for part in parts)


def test_the_key_stands_nowhere_after_an_image_job_that_failed_and_one_that_did_not(
    data_dir: Path,
    outside: Outside,
    make_lab: Callable[..., Lab],
    monkeypatch: pytest.MonkeyPatch,
    debug_log: io.StringIO,
) -> None:
    """The server even echoes the key in its errors; still it is in no file, log, error, export, and not at the media host."""
    quicken(monkeypatch, pause_s=0.2)
    outside.add_key(KEY)
    echo: dict[str, Any] = {"message": f"The key {KEY} is odd.", "code": "validation_failed", "status": 400}
    lab = make_lab(base_url=outside.base_url, api_key=KEY)
    outside.add_fault("error", route="create", **echo)
    request = GenerationRequest(prompt="A red fox in the snow", reference_image=photo())
    bad = lab.wait(lab.submit(request).id)
    assert bad.state is State.FAILED
    for route, status in (("upload", 500), ("create", 500), ("create", 401), ("retrieve", 401), ("media", 500)):
        outside.add_fault("error", route=route, **{**echo, "status": status, "code": "odd"})
    good = lab.wait(lab.submit(request).id)
    assert (good.state, good.has_clip) == (State.SUCCEEDED, True)
    until(lambda: not [fault for fault in outside.faults() if not fault.fired], what="every fault fired")
    said = told(lab, [bad.id, good.id]) + errors_with(outside)
    assert "is odd" in said
    assert not holds_secret(said.encode())
    assert places_with_secret(data_dir) == []
    lab.close()
    assert places_with_secret(data_dir) == []
    log = debug_log.getvalue()
    assert good.id in log
    assert "sqlalchemy.engine" in log
    assert not holds_secret(log.encode())
    seen = outside.requests()
    outside.clear_faults()
    fetched = [one for one in seen if one.route == "media"]
    assert len(fetched) >= 2
    assert {one.key_in for one in fetched} == {()}
    assert not any("authorization" in one.headers for one in fetched)
    assert {place for one in seen for place in one.key_in} == {"authorization"}
    assert not holds_secret(json.dumps([one.as_dict() for one in fetched]).encode())


def errors_with(outside: Outside) -> str:
    """Errors with all their causes, as a traceback prints them, of a client whose server echoes the key."""
    found = []
    with Rivya(KEY, base_url=outside.base_url) as rivya:
        outside.add_fault("error", route="create", code="odd", status=400, message=f"The key {KEY} is odd.")
        outside.add_fault("drop_before", route="create")
        found.append(repr(rivya))
        for _ in range(2):
            try:
                rivya.post_generation(b"{}", idempotency_key="a")
            except RivyaError as error:
                found += traceback.format_exception(error)
                found += [repr(error), str(error), repr(vars(error))]
    assert len(found) > 4
    return "\n".join(found)
