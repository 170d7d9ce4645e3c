"""What a lab is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from rivya_core.lab.evaluation.measure_worker import MeasureWorker
from rivya_core.lab.jobs.context import JobContext
from rivya_core.lab.jobs.copier import Copier
from rivya_core.lab.jobs.engine import Engine, JobQueue
from rivya_core.lab.jobs.supervisor import Supervisor
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.server.errands import Errands
from rivya_core.lab.shows.cassette.replay import Replay
from rivya_core.lab.shows.room.open_room import OpenRooms
from rivya_core.settings import Settings


@dataclass(frozen=True)
class Parts:
    """What ``services`` built for a lab; closed by it as well."""

    settings: Settings
    database: sa.Engine
    ledger: Ledger
    history: History
    archive: Archive
    inbox: JobQueue
    engine: Engine
    keeper: Supervisor
    jobs: JobContext
    measurer: MeasureWorker
    copier: Copier
    simulator: Any
    errands: Errands
    close: Any
    replay: Replay | None = None
    rooms: OpenRooms = field(default_factory=OpenRooms)
