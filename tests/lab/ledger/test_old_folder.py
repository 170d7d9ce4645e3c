"""A data folder of the version before revision 0003 opens and goes on: nothing is bought again, what waited is sent once."""

from __future__ import annotations

import gzip
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from rivya_core import GenerationRequest, Lab, State, Sweep
from rivya_core.api.texts import reuse_hash
from rivya_core.lab.ledger.schema import features
from tests.lab.ledger.old.make import KEPT

PACKED = Path(__file__).parent / "old"
PROMPT = "Café at night\nslow pan\n"
FORMS = {
    "as typed": PROMPT,
    "CRLF": PROMPT.replace("\n", "\r\n"),
    "NFD": unicodedata.normalize("NFD", PROMPT),
    "no newline": PROMPT.strip(),
}


@pytest.fixture
def old(make_lab: Callable[..., Lab], data_dir: Path) -> Lab:
    """A lab on that folder, which ``tests/lab/ledger/old/make.py`` filled with the code of then; its clips are not there."""
    for name, file in KEPT.items():
        path = data_dir / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.decompress((PACKED / f"{name}.gz").read_bytes()))
    return make_lab()


def night(prompt: str = PROMPT) -> Sweep:
    """The sweep that was started then."""
    base = GenerationRequest(prompt=prompt, params={"negative_prompt": "blur"})
    return Sweep("Night", "Which?", base, {"cfg_scale": [0, 0.5, 1]}, takes=2)


def keys(lab: Lab) -> Counter[str]:
    """How many tasks the server has for each Idempotency-Key."""
    assert lab.simulator is not None
    return Counter(str(task.idempotency_key) for task in lab.simulator.world.tasks())


def test_every_row_and_cell_of_then_is_marked(old: Lab) -> None:
    """Their hashes are those that today's code would give them; what was hashed before stays."""
    rows = list(old.history.export_rows())
    assert len(rows) == 9
    assert all(row.reuse_sha256 == reuse_hash(row.request) for row in rows)
    assert all(row.request_sha256 == GenerationRequest.from_canonical(row.request).sha256 for row in rows)
    assert sum(row.reuse_sha256 != row.request_sha256 for row in rows) == 7
    for cell in old.sweep("xold").cells:
        assert old.existing(reuse_hash(cell.request)).ids == tuple(
            take.generation_id for take in cell.takes if take.state is State.SUCCEEDED
        )


def test_what_was_made_then_is_not_bought_again(old: Lab) -> None:
    """The failed take alone is missing; once it was retried, the same sweep costs nothing, whatever bytes its words come in."""
    before = keys(old)
    for form in FORMS.values():
        quote = old.quote(night(form))
        assert (quote.reused, quote.new) == (5, 1)
    old.resume()
    assert (old.sweep("xold").failed_credits, old.sweeps.retry_failed("xold")) == (160, 1)
    assert old.wait_sweep("xold", 60).states == {State.SUCCEEDED: 6}
    for form in FORMS.values():
        id_ = old.start(night(form))
        assert old.wait_sweep(id_, 60).states == {State.SUCCEEDED: 6}
        assert (old.sweep(id_).reused, old.sweep(id_).spent_credits) == (6, 0)
    for row in old.ledger.open_rows():
        old.wait(row.id, 60)
    assert keys(old) - before == {"waiting-1": 1, "xold-0-2-1": 1}


def test_what_was_under_way_then_goes_on(old: Lab) -> None:
    """The engine's own tables are read as well: a running task is followed without a new one, a waiting row is sent once."""
    assert old.wait("running-1", 60).state is State.SUCCEEDED
    assert keys(old)["waiting-1"] == 0
    old.resume()
    assert old.wait("waiting-1", 60).state is State.SUCCEEDED
    counted = keys(old)
    assert (counted["running-1"], counted["waiting-1"], max(counted.values())) == (1, 1, 1)


def test_what_people_said_then_is_kept(old: Lab) -> None:
    """Votes, and the figures that were measured of the clips."""
    assert [vote.outcome for vote in old.votes.cast("xold")] == ["left"] * 3
    with old.ledger.reading() as connection:
        assert len(connection.execute(sa.select(features.c.generation_id)).all()) == 5
