"""One damaged row: it is named and left alone, and everything else goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rivya_core import GenerationRequest
from rivya_core.api.errors import StorageError
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.states import State

REQUEST = GenerationRequest(prompt="A red fox in the snow")


def changed(column: str, value: str | None) -> Callable[[Path, str], None]:
    """Put a value into a row that the lab would never put there, whatever the table demands."""

    def change(path: Path, id_: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA writable_schema=ON")
            [[table]] = connection.execute("SELECT sql FROM sqlite_master WHERE name='lab_generations'")
            loose = table.replace(" NOT NULL", "")
            connection.execute("UPDATE sqlite_master SET sql=? WHERE name='lab_generations'", (loose,))
            connection.commit()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"UPDATE lab_generations SET {column}=? WHERE id=?", (value, id_))
            connection.execute("PRAGMA writable_schema=ON")
            connection.execute("UPDATE sqlite_master SET sql=? WHERE name='lab_generations'", (table,))
            connection.commit()

    return change


DAMAGES = {
    "no JSON": changed("request", '{"model": "kling'),
    "other JSON": changed("request", "[1]"),
    "error card": changed("error", "{{"),
    "moment": changed("created_at", "yesterday"),
    "null": changed("prompt", None),
    "unknown state": changed("state", "suxceeded"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_one_damaged_row_does_not_hide_the_others(
    make_lab: Callable[..., Lab], data_dir: Path, damage: Callable[[Path, str], None]
) -> None:
    """History and its export show the others, jobs go on for them, and the damaged one is named; also after a restart."""
    lab = make_lab()
    lab.pause_queue()
    ids = [lab.submit(REQUEST).id for _ in range(3)]
    lab.close()
    damage(data_dir / "lab.sqlite3", ids[1])
    lab = make_lab()
    lab.resume()
    for id_ in (ids[0], ids[2]):
        assert lab.wait(id_).state is State.SUCCEEDED
    shown = [row.id for row in lab.history.page().rows if row.state is not State.UNCONFIRMED]
    assert shown == [ids[2], ids[0]]
    assert [row.id for row in lab.history.export_rows() if row.state is not State.UNCONFIRMED] == shown
    assert sum(lab.ledger.counts().values()) == 3
    assert lab.simulator is not None
    assert len(lab.simulator.world.tasks()) == 2
    if damage is DAMAGES["unknown state"]:
        assert lab.get(ids[1]).state is State.UNCONFIRMED
    else:
        with pytest.raises(StorageError, match=ids[1]):
            lab.get(ids[1])
    assert any(ids[1] in trouble for trouble in lab.troubles())
