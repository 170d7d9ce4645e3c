"""The one place where a sweep spends: reuse existing clips, check caps and balance, store and enqueue the rest.

Everything works inside the caller's transaction, which holds the write lock from before the first read. The id of a
generation, which is also its idempotency key, is derived from experiment, cell, try and take, so that no take can be bought
twice. Prices and reuse come from ``reuse.plan`` alone, so that a quote and a purchase cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from rivya_core.api import GenerationRequest, ReferenceImage
from rivya_core.lab.experiments import quote, repository, reuse
from rivya_core.lab.experiments.quote import RepairQuote
from rivya_core.lab.experiments.records import ExperimentRecord
from rivya_core.lab.experiments.repository import Assignment
from rivya_core.lab.experiments.reuse import Plan, Prices, TakeSlot
from rivya_core.lab.experiments.sweep import Sweep
from rivya_core.lab.jobs.submission import EnqueueMany
from rivya_core.lab.ledger import budget as budgets
from rivya_core.lab.ledger.ledger import FIRST_RUN, Ledger, NewGeneration
from rivya_core.lab.ledger.schema import cells
from rivya_core.lab.media.archive import Archive
from rivya_core.settings import Mode, Settings

RequestOf = Callable[[int], GenerationRequest]


class Purchaser:
    """Buy the takes of sweeps."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        archive: Archive,
        enqueue_many: EnqueueMany,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._archive = archive
        self._enqueue_many = enqueue_many

    def start(self, connection: sa.Connection, experiment_id: str, sweep: Sweep, *, only_what_fits: bool) -> None:
        """Store a new experiment and buy its missing takes: all of them, or with ``only_what_fits`` as many as limits allow.

        Raises:
            BudgetError: not all takes fit and ``only_what_fits`` is not set; the caller's transaction must roll back.
        """
        name, mode = self._settings.connection, self._settings.mode
        prices = Prices(connection, name)
        priced = [(cell.cell, cell.reuse_sha256, prices.of(cell.request)) for cell in sweep.cells]
        planned = reuse.plan(connection, reuse.places(priced, sweep.takes), name, mode)
        repository.write_experiment(
            connection,
            experiment_id,
            sweep,
            [price for _, _, price in priced],
            mode=reuse.modes_of(connection, name, mode)[0],
            name=name,
            quoted_credits=planned.credits,
            now=self._ledger.clock(),
        )
        repository.write_takes(connection, experiment_id, planned.places)
        # The rows above are rolled back when this raises: a sweep that may not start leaves nothing behind.
        chosen = self._allowed(connection, planned, sweep.cap_credits, 0, only_what_fits=only_what_fits)
        self._fill(connection, experiment_id, planned, chosen, lambda cell: sweep.cells[cell].request)

    def complete(
        self,
        connection: sa.Connection,
        record: ExperimentRecord,
        which: sa.ColumnElement[bool],
        *,
        only_what_fits: bool,
        expected_credits: int | None,
    ) -> int:
        """Fill the takes that ``which`` selects with existing clips and buy the others; return how many were bought.

        ``expected_credits``: the price that the person confirmed; None for callers that confirmed none.

        Raises:
            BudgetError: a cap or the balance does not allow it, or it costs more than ``expected_credits`` by now.
        """
        planned = repository.plan(connection, record.id, record.connection, which, self._settings.mode)
        spent = repository.spent(connection, record.id)
        chosen = self._allowed(connection, planned, record.cap_credits, spent, only_what_fits=only_what_fits)
        # Between screen and click more takes may have failed or prices risen: never charge more than was confirmed.
        quote.check_confirmed_price([place.expected_credits for place in chosen], expected_credits)
        self._fill(connection, record.id, planned, chosen, self._requests(connection, record.id))
        return len(chosen)

    def repair_quote(self, connection: sa.Connection, record: ExperimentRecord) -> RepairQuote:
        """Return what ``Sweeps.repair`` would cost now."""
        settings = self._settings
        planned = repository.plan(connection, record.id, record.connection, repository.is_missing(), settings.mode)
        budget = budgets.read(connection, settings.mode, settings.connection, settings)
        spent = repository.spent(connection, record.id)
        fits = quote.how_many_fit(budget, planned.prices, record.cap_credits, spent)
        return RepairQuote(
            takes=len(planned.places),
            reused=len(planned.reused),
            credits=planned.credits,
            new=len(planned.missing),
            fits=fits,
            fits_credits=sum(planned.prices[:fits]),
        )

    # -- the one purchase ------------------------------------------------------------------------------------------

    def _fill(
        self,
        connection: sa.Connection,
        experiment_id: str,
        planned: Plan,
        chosen: Sequence[TakeSlot],
        request_of: RequestOf,
    ) -> None:
        """Assign the reused generations to their takes, and store, enqueue and assign a new one for each chosen take."""
        new = [self._generation(experiment_id, place, request_of(place.cell)) for place in chosen]
        self._take_in(connection, new)
        reused = [
            Assignment(place.cell, place.take, place.generation_id, reused=True, tries=place.tries)
            for place in planned.reused
            if place.generation_id is not None
        ]
        new_generations = [
            Assignment(place.cell, place.take, item.id, reused=False, tries=place.tries + 1)
            for place, item in zip(chosen, new, strict=True)
        ]
        repository.assign(connection, experiment_id, reused + new_generations)

    # -- shared ----------------------------------------------------------------------------------------------------

    def _allowed(
        self,
        connection: sa.Connection,
        planned: Plan,
        cap_credits: int | None,
        spent_credits: int,
        *,
        only_what_fits: bool,
    ) -> list[TakeSlot]:
        """Return the missing takes that may be bought now: all, or those that fit. Raises BudgetError."""
        settings = self._settings
        # Read under the write lock that the caller holds, so that no other submit can use the same credits.
        budget = budgets.read(connection, settings.mode, settings.connection, settings)
        if only_what_fits:
            return planned.missing[: quote.how_many_fit(budget, planned.prices, cap_credits, spent_credits)]
        quote.check(budget, planned.prices, cap_credits, spent_credits)
        return planned.missing

    def _requests(self, connection: sa.Connection, experiment_id: str) -> RequestOf:
        """Return a function from cell number to request; each request is built once, each image read once."""
        stored = {
            row.cell: (row.request, row.asset_sha256)
            for row in connection.execute(
                sa.select(cells.c.cell, cells.c.request, cells.c.asset_sha256).where(
                    cells.c.experiment_id == experiment_id
                )
            )
        }
        built: dict[int, GenerationRequest] = {}
        ledger, archive = self._ledger, self._archive
        images: dict[str, ReferenceImage] = {}

        def request_of(cell: int) -> GenerationRequest:
            if cell not in built:
                canonical, sha256 = stored[cell]
                if sha256 and sha256 not in images:
                    images[sha256] = ledger.assets.load(sha256, archive)
                built[cell] = GenerationRequest.from_canonical(canonical, images.get(sha256 or ""))
            return built[cell]

        return request_of

    def _generation(self, experiment_id: str, place: TakeSlot, request: GenerationRequest) -> NewGeneration:
        settings = self._settings
        mode: Mode = settings.mode
        return NewGeneration(
            # Deterministic: a repeated purchase of the same try hits the unique id instead of buying again. ``tries`` grows
            # only with a new generation for the take, in the same transaction.
            intent_id=f"{experiment_id}-{place.cell}-{place.tries + 1}",
            take=place.take,
            request=request,
            expected_credits=place.expected_credits,
            mode=mode,
            connection=settings.connection,
            parent_id=place.lost_id,
            experiment_id=experiment_id,
            source="sweep",
        )

    def _take_in(self, connection: sa.Connection, new: Sequence[NewGeneration]) -> None:
        """Store and enqueue new generations, in this order."""
        self._ledger.add_many(connection, new)
        self._enqueue_many(connection, [(item.id, FIRST_RUN) for item in new])
