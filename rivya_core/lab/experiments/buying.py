"""The one place where an experiment spends: looks up what is there, checks caps and balance, stores and enqueues the rest.

Everything works inside the caller's transaction, which holds the write lock. The id of a generation, which is also its
Idempotency-Key, follows from experiment, cell, take and try, so that nothing can be started twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from rivya_core.api import GenerationRequest, ReferenceImage
from rivya_core.lab import budget as budgets
from rivya_core.lab.experiments import book, quotes, reuse
from rivya_core.lab.experiments.book import Filled
from rivya_core.lab.experiments.plan import Sweep
from rivya_core.lab.experiments.records import ExperimentRecord
from rivya_core.lab.experiments.reuse import Place, Prices
from rivya_core.lab.ledger import FIRST_RUN, NewGeneration
from rivya_core.lab.parts import Parts
from rivya_core.lab.schema import cell_takes, cells, generations
from rivya_core.settings import Mode

RequestOf = Callable[[int], GenerationRequest]


class Buyer:
    """Buy takes of experiments."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def start(self, connection: sa.Connection, experiment_id: str, sweep: Sweep, *, only_what_fits: bool) -> None:
        """Store a new experiment and buy what is missing, whole or as far as it fits."""
        parts = self._parts
        name, mode = parts.settings.connection, parts.settings.mode
        prices = Prices(connection, name)
        asked = [(cell.cell, cell.request_sha256, prices.of(cell.request)) for cell in sweep.cells]
        filled = reuse.fill(connection, reuse.places(asked, sweep.takes), name, mode)
        missing = [place for place in filled if place.generation_id is None]
        chosen = self._allowed(connection, missing, sweep.cap_credits, 0, only_what_fits=only_what_fits)
        book.write_experiment(
            connection,
            experiment_id,
            sweep,
            [price for _, _, price in asked],
            mode=reuse.modes_of(connection, name, mode)[0],
            name=name,
            quoted_credits=sum(place.expected_credits for place in missing),
            now=parts.ledger.clock(),
        )
        new = [
            self._generation(experiment_id, place, sweep.cells[place.cell].request, number=1, parent_id=None)
            for place in chosen
        ]
        self._take_in(connection, new)
        bought = {(place.cell, place.take): item.id for place, item in zip(chosen, new, strict=True)}
        book.write_takes(connection, experiment_id, filled, bought)

    def start_rest(
        self,
        connection: sa.Connection,
        record: ExperimentRecord,
        *,
        only_what_fits: bool,
        expected_credits: int | None = None,
    ) -> int:
        """Buy what is only planned, if it costs no more than somebody saw; how many."""
        request_of = self._requests(connection, record.id)
        planned = book.places(connection, record, cell_takes.c.generation_id.is_(None))
        used = connection.execute(
            sa.select(cell_takes.c.generation_id).where(
                cell_takes.c.experiment_id == record.id, cell_takes.c.generation_id.is_not(None)
            )
        ).scalars()
        settings = self._parts.settings
        filled = reuse.fill(connection, planned, record.connection, settings.mode, frozenset(used))
        missing = [place for place in filled if place.generation_id is None]
        spent = book.spent(connection, record.id)
        chosen = self._allowed(connection, missing, record.cap_credits, spent, only_what_fits=only_what_fits)
        quotes.check_shown([place.expected_credits for place in chosen], expected_credits)
        new = [self._generation(record.id, place, request_of(place.cell), number=1, parent_id=None) for place in chosen]
        self._take_in(connection, new)
        reused = [
            Filled(place.cell, place.take, place.generation_id, reused=True, tries=0)
            for place in filled
            if place.generation_id is not None
        ]
        bought = [
            Filled(place.cell, place.take, item.id, reused=False, tries=1)
            for place, item in zip(chosen, new, strict=True)
        ]
        book.assign(connection, record.id, reused + bought)
        return len(new)

    def retry_failed(
        self, connection: sa.Connection, record: ExperimentRecord, *, expected_credits: int | None = None
    ) -> int:
        """Buy failed and taken-back takes once more, if they cost no more than somebody saw; how many."""
        column = cell_takes.c
        request_of = self._requests(connection, record.id)
        failed = book.places(connection, record, generations.c.state.in_(book.FAILED))
        quotes.check_shown([place.expected_credits for place in failed], expected_credits)
        tries = {
            (row.cell, row.take): row.tries
            for row in connection.execute(
                sa.select(column.cell, column.take, column.tries).where(column.experiment_id == record.id)
            )
        }
        self._allowed(connection, failed, record.cap_credits, book.spent(connection, record.id), only_what_fits=False)
        new = [
            self._generation(
                record.id,
                place,
                request_of(place.cell),
                number=tries[(place.cell, place.take)] + 1,
                parent_id=place.generation_id,
            )
            for place in failed
        ]
        self._take_in(connection, new)
        again = [
            Filled(place.cell, place.take, item.id, reused=False, tries=tries[(place.cell, place.take)] + 1)
            for place, item in zip(failed, new, strict=True)
        ]
        book.assign(connection, record.id, again)
        return len(new)

    # -- shared ----------------------------------------------------------------------------------------------------

    def _allowed(
        self,
        connection: sa.Connection,
        missing: Sequence[Place],
        cap_credits: int | None,
        spent_credits: int,
        *,
        only_what_fits: bool,
    ) -> list[Place]:
        """The places that may be bought now: all, or those that fit; else BudgetError."""
        settings = self._parts.settings
        budget = budgets.read(connection, settings.mode, settings.connection, settings)
        prices = [place.expected_credits for place in missing]
        if only_what_fits:
            return list(missing[: quotes.how_many_fit(budget, prices, cap_credits, spent_credits)])
        quotes.check(budget, prices, cap_credits, spent_credits)
        return list(missing)

    def _requests(self, connection: sa.Connection, experiment_id: str) -> RequestOf:
        """The requests of an experiment's cells, each built once, each image read once."""
        stored = {
            row.cell: (row.request, row.asset_sha256)
            for row in connection.execute(
                sa.select(cells.c.cell, cells.c.request, cells.c.asset_sha256).where(
                    cells.c.experiment_id == experiment_id
                )
            )
        }
        built: dict[int, GenerationRequest] = {}
        ledger, archive = self._parts.ledger, self._parts.archive
        images: dict[str, ReferenceImage] = {}

        def request_of(cell: int) -> GenerationRequest:
            if cell not in built:
                canonical, sha256 = stored[cell]
                if sha256 and sha256 not in images:
                    images[sha256] = ledger.load_image(sha256, archive)
                built[cell] = GenerationRequest.from_canonical(canonical, images.get(sha256 or ""))
            return built[cell]

        return request_of

    def _generation(
        self, experiment_id: str, place: Place, request: GenerationRequest, *, number: int, parent_id: str | None
    ) -> NewGeneration:
        settings = self._parts.settings
        mode: Mode = settings.mode
        return NewGeneration(
            intent_id=f"{experiment_id}-{place.cell}-{number}",
            take=place.take,
            request=request,
            expected_credits=place.expected_credits,
            mode=mode,
            connection=settings.connection,
            parent_id=parent_id,
            experiment_id=experiment_id,
            source="sweep",
        )

    def _take_in(self, connection: sa.Connection, new: Sequence[NewGeneration]) -> None:
        """Store and enqueue, in order."""
        self._parts.ledger.add_many(connection, new)
        for place, item in enumerate(new, start=1):
            self._parts.inbox.enqueue(connection, item.id, FIRST_RUN, place)
