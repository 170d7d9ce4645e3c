"""Composition root: build everything from Settings and close it again. No other module constructs clients or services.

One lab can be open per process (DBOS is a singleton); opening the same folder again returns the same lab with one more
reference.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from filelock import FileLock
from pydantic import SecretStr

from rivya_core import opening
from rivya_core.api import AsyncMediaClient, AsyncRivya, Rivya
from rivya_core.api.errors import LabError, StorageError
from rivya_core.api.network import check_route_to
from rivya_core.api.pace import QUICK_S
from rivya_core.api.wire import Address, Timeouts, Wire
from rivya_core.cassette_tape import tape_of
from rivya_core.lab.assembly import assemble, settling
from rivya_core.lab.evaluation.measure_worker import MeasureWorker
from rivya_core.lab.examples.example_sweep import keep_to_the_simulator
from rivya_core.lab.examples.first_clips import add_examples, add_examples_once
from rivya_core.lab.jobs.context import JobContext
from rivya_core.lab.jobs.copier import Copier
from rivya_core.lab.jobs.engine import Engine, JobQueue
from rivya_core.lab.jobs.role import Role
from rivya_core.lab.jobs.supervisor import Supervisor
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import protect
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.open_archive import open_archive
from rivya_core.lab.people import asking
from rivya_core.lab.server.background_reads import BackgroundReads
from rivya_core.lab.shows.cassette import reader
from rivya_core.lab.shows.cassette.cassette import Cassette
from rivya_core.lab.shows.cassette.replay import Replay, settings_for
from rivya_core.lab.shows.room.open_room import OpenRooms
from rivya_core.private_files import make_folder, mode_of
from rivya_core.settings import EMBEDDED_CONNECTION, Settings
from rivya_core.simulator import SimulatorServer

log = logging.getLogger("rivya.services")


FOLDER_MAX_BYTES = 440  # SQLite refuses paths above 512 bytes; backup copies have the longest names
DATABASE = opening.DATABASE
SIMULATED_QUICK_S = 5.0  # the built-in simulator needs 5-12 s at speed 1

FINISH_S = 12.0
"""Of the 20 seconds in which a worker ends: for requests and clips that are under way."""

_guard = threading.RLock()
_open: _OpenLab | None = None


class _OpenLab:
    """The lab of this process, with its reference count."""

    def __init__(self, settings: Settings, role: Role) -> None:
        self.settings = settings
        self.role = role
        self.holders = 0
        self.stack = ExitStack()
        cassette: Cassette | None = None
        if settings.cassette is not None:
            cassette, identity = reader.read(settings.cassette)
            settings = settings_for(settings, identity, cassette)
        try:
            self._labs = _build(settings, role, cassette, self.stack)
        except BaseException as error:
            self.stack.close()
            if opening.is_explained(error) or not isinstance(error, Exception):
                raise
            raise opening.in_words(settings, error) from error
        self.shared = self._labs(close=_keep_open)

    def handle(self) -> Lab:
        """Return a lab for one more holder; closing it more than once releases it once."""
        self.holders += 1
        closed = threading.Event()

        def close() -> None:
            with _guard:
                if not closed.is_set():
                    closed.set()
                    _release(self)

        return self._labs(close=close)


def open_lab(settings: Settings | None = None) -> Lab:
    """Open the data folder of ``settings`` (default: from the environment) and start its jobs.

    The first process to open a folder runs its jobs; further ones see everything, submit and cancel, and take over when
    the first one ends. On a shared database nobody runs jobs who opens it so: ``open_worker`` does. Blocks for about a
    second at the first call.

    Raises:
        LabError: this process has another folder or database open, or the same one with other settings.
        StorageError: the data folder cannot be created or written, or the database is not reachable.
        ConfigurationError: the system's proxy or certificate variables make the live API unreachable.
    """
    settings = settings or Settings()
    with _guard:
        return _opened(settings, Role.of(settings)).handle()


def open_worker(settings: Settings | None = None) -> Lab:
    """Open the shared database of ``settings`` (default: from the environment) and run its jobs; see ``open_lab``.

    Raises:
        LabError: ``settings`` name no shared database: whoever opens a data folder runs its jobs.
    """
    settings = settings or Settings()
    if not settings.is_shared:
        raise LabError(
            "A data folder needs no worker",
            "The dashboard runs the jobs of a data folder itself.",
            "Start the dashboard, or set RIVYA_DATABASE_URL to the database that all processes share.",
            field="database_url",
        )
    with _guard:
        return _opened(settings, Role.WORKER).handle()


def shared_lab() -> Lab:
    """The lab of this process, opened from the environment at the first call and held until the process ends.

    Where people sign in it is in the hands of whose request is being answered, see ``lab.people.asking``.
    """
    with _guard:
        if _open is not None:
            return _in_hands(_open.shared)
        settings = Settings()
        opened = _opened(settings, Role.of(settings))
        opened.holders += 1
        return _in_hands(opened.shared)


def _in_hands(lab: Lab) -> Lab:
    return lab.acting_as(asking.who_asks()) if asking.is_required() else lab


def _opened(settings: Settings, role: Role) -> _OpenLab:
    global _open  # noqa: PLW0603 - the registry of the process
    if _open is None:
        opening.refuse_known_damage(settings)
        _open = _OpenLab(settings, role)
    elif (_open.settings, _open.role) != (settings, role):
        raise LabError(
            "Another lab is open in this process",
            f"{_open.settings.place} is open; {settings.place} was asked for, or the same with other settings.",
            "Close the first lab, or use a second process.",
        )
    return _open


def _release(lab: _OpenLab) -> None:
    global _open  # noqa: PLW0603 - the registry of the process
    lab.holders -= 1
    if lab.holders <= 0 and lab is _open:
        _open = None
        lab.stack.close()


def close_all() -> None:
    """Close the lab of this process, whatever its reference count."""
    with _guard:
        if _open is not None:
            _open.holders = 1
            _release(_open)


atexit.register(close_all)


def _build(settings: Settings, role: Role, cassette: Cassette | None, stack: ExitStack) -> Callable[..., Lab]:
    if not settings.is_embedded:
        check_route_to(settings.live_base_url)
    folder = _data_folder(settings)
    replay = _replay(settings, cassette, folder)
    database = opening.open_shared(settings, stack) if settings.is_shared else opening.open_file(folder, stack)
    ledger = Ledger(database, key_fingerprint=fingerprint(settings))
    history = History(database)
    archive = _open_archive(settings, folder, stack)
    simulator = _start_simulator(settings, folder, replay, stack)
    base_url, key, of_clients = _spoken_to(settings, simulator)
    timeouts = Timeouts(settings.connect_timeout_s, settings.read_timeout_s, settings.write_timeout_s)
    jobs = JobContext(
        settings=settings,
        ledger=ledger,
        history=history,
        archive=archive,
        make_api=lambda: AsyncRivya(key, base_url=base_url, settings=of_clients),
        make_media=lambda: AsyncMediaClient(base_url, timeouts),
        quick_s=QUICK_S if simulator is None else SIMULATED_QUICK_S / settings.simulator_speed,
        finish_s=FINISH_S if role is Role.WORKER else 0.0,
    )
    stack.callback(jobs.observer.flush)
    queue = JobQueue(database)
    stack.callback(queue.close)
    engine = Engine(database, jobs)
    lock = FileLock(folder / "executor.lock", mode=mode_of(folder / "executor.lock"), thread_local=False)
    supervisor = Supervisor(jobs, engine, queue, lock, lambda: Rivya(key, base_url=base_url, settings=of_clients), role)
    _fill(jobs, role)
    stack.callback(supervisor.stop)
    supervisor.start()
    supervisor.ask_balance()
    background = BackgroundReads(
        lambda: Wire(Address(base_url, key if isinstance(key, SecretStr) else SecretStr(key or ""), timeouts))
    )
    stack.callback(background.stop)
    measure_worker = MeasureWorker(ledger, archive, lambda: supervisor.is_on_duty, connection=settings.connection)
    rooms = OpenRooms()
    copier = None if settings.is_shared else _start_copier(folder, engine, ledger, stack)
    labs = partial(
        assemble,
        jobs=jobs,
        queue=queue,
        engine=engine,
        supervisor=supervisor,
        measure_worker=measure_worker,
        copier=copier,
        background=background,
        simulator=simulator,
        replay=replay,
        rooms=rooms,
    )
    stack.callback(measure_worker.stop)
    measure_worker.start(settling(labs(close=_keep_open)))
    stack.callback(rooms.close)
    return labs


def _start_copier(folder: Path, engine: Engine, ledger: Ledger, stack: ExitStack) -> Copier:
    """Copy the database's file every day; a shared database is dumped by whoever looks after its server."""
    copier = Copier(folder / DATABASE, ledger, lambda: engine.is_running)
    stack.callback(copier.stop)
    copier.start()
    return copier


def _open_archive(settings: Settings, folder: Path, stack: ExitStack) -> Archive:
    archive = open_archive(
        folder / "archive", url=settings.archive_url, cache_mb=settings.cache_mb, shared=settings.is_shared
    )
    stack.callback(archive.close)
    return archive


def _fill(jobs: JobContext, role: Role) -> None:
    """Store the examples in a new folder or database, then, for a read-only process, block further writes."""
    name = jobs.settings.connection
    if jobs.settings.first_start_examples and role is Role.EMBEDDED:
        add_examples(jobs.ledger, jobs.archive, jobs.now(), study=name == EMBEDDED_CONNECTION)
    if jobs.settings.first_start_examples and role is Role.DASHBOARD:
        add_examples_once(jobs.ledger, jobs.archive, jobs.now())
    if jobs.settings.read_only:
        protect(jobs.ledger.database)
    else:
        keep_to_the_simulator(jobs.ledger, name)


def _keep_open() -> None:
    """Do nothing: holders of the shared lab must not close it."""


def _data_folder(settings: Settings) -> Path:
    folder = settings.data_dir
    try:
        make_folder(folder)
        folder = folder.resolve()
    except FileExistsError as error:
        raise _unusable(f"{folder} is a file, not a folder") from error
    except OSError as error:
        raise _unusable(f"{folder}: {error.strerror}") from error
    length_bytes = len(os.fsencode(folder))
    if length_bytes > FOLDER_MAX_BYTES:
        raise _unusable(f"The path has {length_bytes} bytes, and the database can open at most {FOLDER_MAX_BYTES}")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise _unusable(f"{folder} cannot be written by this user")
    return folder


def _unusable(reason: str) -> StorageError:
    return StorageError(
        "The data folder cannot be used",
        f"{reason}.",
        "Set RIVYA_DATA_DIR to a folder that this user may write.",
        field="data_dir",
    )


def _replay(settings: Settings, cassette: Cassette | None, folder: Path) -> Replay | None:
    if cassette is None or settings.cassette is None:
        return None
    return Replay(cassette, reader.unpack(settings.cassette, cassette, folder / "tape"))


def _spoken_to(settings: Settings, simulator: SimulatorServer | None) -> tuple[str, str | SecretStr | None, Settings]:
    """Return base URL and key of the API and the settings of the clients.

    The cassette is removed from those settings: a key beside it is refused, and the simulator needs its own key.
    """
    of_clients = settings.model_copy(update={"cassette": None})
    if simulator is None:
        return settings.live_base_url, settings.api_key, of_clients
    return simulator.base_url, simulator.api_key, of_clients


def _start_simulator(
    settings: Settings, folder: Path, replay: Replay | None, stack: ExitStack
) -> SimulatorServer | None:
    if not settings.is_embedded:
        return None
    world = folder / "simulator" / "world.sqlite3"
    make_folder(world.parent)
    server = SimulatorServer(
        world,
        speed=settings.simulator_speed,
        credits=settings.simulator_credits,
        seed=settings.simulator_seed,
        tape=None if replay is None else tape_of(replay, SIMULATED_QUICK_S),
    )
    server.start()
    stack.callback(server.stop)
    if replay is not None and server.world.balance() < replay.cassette.credits:
        server.world.configure(credits=settings.simulator_credits)
    return server


def fingerprint(settings: Settings) -> str | None:
    """Return sixteen hex digits that distinguish keys without revealing them; None without a key."""
    if settings.api_key is None:
        return None
    return hashlib.sha256(b"rivya-lab:" + settings.api_key.get_secret_value().encode()).hexdigest()[:16]
