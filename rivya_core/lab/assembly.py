"""Assemble a lab from the objects that all its holders share: each service gets exactly what it uses, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rivya_core.lab.evaluation.measure_worker import MeasureWorker
from rivya_core.lab.evaluation.results import Votes
from rivya_core.lab.evaluation.reviews import Reviews
from rivya_core.lab.evaluation.verdicts import Verdicts
from rivya_core.lab.evaluation.votes.ballots import Ballots
from rivya_core.lab.examples.example_sweep import ExampleStudy
from rivya_core.lab.experiments.service import Sweeps
from rivya_core.lab.jobs.condition import Condition
from rivya_core.lab.jobs.context import JobContext
from rivya_core.lab.jobs.copier import Copier
from rivya_core.lab.jobs.engine import Engine, JobQueue
from rivya_core.lab.jobs.generation_actions import GenerationActions
from rivya_core.lab.jobs.submission import Submissions
from rivya_core.lab.jobs.supervisor import Supervisor
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.labels import Labels
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.server.background_reads import BackgroundReads
from rivya_core.lab.server.knowledge import Server
from rivya_core.lab.shows.cassette.cassettes import Cassettes
from rivya_core.lab.shows.cassette.replay import Replay
from rivya_core.lab.shows.room.open_room import OpenRooms
from rivya_core.lab.shows.shows import Shows
from rivya_core.lab.spending.spending import Spending
from rivya_core.settings import Settings


def assemble(
    *,
    close: Callable[[], None],
    jobs: JobContext,
    queue: JobQueue,
    engine: Engine,
    supervisor: Supervisor,
    measure_worker: MeasureWorker,
    copier: Copier | None,
    background: BackgroundReads,
    simulator: Any,
    replay: Replay | None,
    rooms: OpenRooms,
) -> Lab:
    """One holder's lab over what all holders share: each service gets exactly what it uses."""
    settings, ledger, history, archive = jobs.settings, jobs.ledger, jobs.history, jobs.archive
    verdicts = Verdicts(
        settings=settings, ledger=ledger, refuse_if_closed=queue.refuse_if_closed, measure_worker=measure_worker
    )
    votes = Votes(settings=settings, ledger=ledger)
    return Lab(
        settings=settings,
        ledger=ledger,
        history=history,
        archive=archive,
        simulator=None if settings.read_only else simulator,
        sweeps=Sweeps(
            settings=settings,
            ledger=ledger,
            history=history,
            archive=archive,
            enqueue_many=queue.enqueue_many,
            stops_changed=jobs.admission.forget,
        ),
        reviews=Reviews(ledger=ledger),
        ballots=Ballots(ledger=ledger, archive=archive),
        votes=votes,
        verdicts=verdicts,
        spending=Spending(ledger=ledger, history=history, now=jobs.now),
        server=_server(settings, ledger, queue, jobs, background, simulator),
        labels=Labels(ledger=ledger),
        shows=_shows(settings, ledger, archive, queue, background, rooms, replay, verdicts, votes),
        cassettes=Cassettes(settings=settings, ledger=ledger, history=history, archive=archive, replay=replay),
        _submissions=Submissions(settings=settings, ledger=ledger, archive=archive, queue=queue),
        _actions=GenerationActions(
            settings=settings, ledger=ledger, archive=archive, queue=queue, jobs=jobs, supervisor=supervisor
        ),
        _condition=_condition(jobs, engine, supervisor, copier),
        _queue=queue,
        _supervisor=supervisor,
        _jobs=jobs,
        _measure_worker=measure_worker,
        _engine=engine,
        _close=close,
    )


def _condition(jobs: JobContext, engine: Engine, supervisor: Supervisor, copier: Copier | None) -> Condition:
    return Condition(
        settings=jobs.settings,
        ledger=jobs.ledger,
        engine=engine,
        supervisor=supervisor,
        archive=jobs.archive,
        unexpected=jobs.unexpected,
        copier=copier,
    )


def _server(
    settings: Settings, ledger: Ledger, queue: JobQueue, jobs: JobContext, background: BackgroundReads, simulator: Any
) -> Server:
    return Server(
        settings=settings,
        ledger=ledger,
        enqueue=queue.enqueue,
        refuse_if_closed=queue.refuse_if_closed,
        background=background,
        observer=jobs.observer,
        now=jobs.now,
        simulator=simulator,
        unexpected=jobs.unexpected,
    )


def _shows(
    settings: Settings,
    ledger: Ledger,
    archive: Archive,
    queue: JobQueue,
    background: BackgroundReads,
    rooms: OpenRooms,
    replay: Replay | None,
    verdicts: Verdicts,
    votes: Votes,
) -> Shows:
    return Shows(
        settings=settings,
        ledger=ledger,
        archive=archive,
        refuse_if_closed=queue.refuse_if_closed,
        background=background,
        rooms=rooms,
        replay=replay,
        verdicts=verdicts,
        votes=votes,
    )


def example_study(lab: Lab) -> ExampleStudy:
    """Build the object that makes the example sweep of a first start."""
    return ExampleStudy(
        ledger=lab.ledger,
        archive=lab.archive,
        connection=lab.settings.connection,
        sweeps=lab.sweeps,
        ballots=lab.ballots,
        votes=lab.votes,
        verdicts=lab.verdicts,
    )


def settling(lab: Lab) -> Callable[[Callable[[], bool]], None]:
    """Return what runs whenever no clip is left to measure: store outcomes with their parameters, advance the example sweep."""
    study = example_study(lab)

    def settle(go_on: Callable[[], bool]) -> None:
        lab.verdicts.settle_probes(go_on)  # first: a failure of the example must not hold up people's own probes
        study.advance(go_on)

    return settle
