"""Replay mode: the settings of a lab that plays a cassette, facts about the recording, and starting the recorded work again.

Everything else is the ordinary lab: the same queue, the same pages, and a simulator that answers from the recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rivya_core.api import GenerationRequest, ReferenceImage
from rivya_core.api.errors import LabError
from rivya_core.api.images import check_image
from rivya_core.lab.experiments.spec import read_spec
from rivya_core.lab.experiments.sweep import Sweep
from rivya_core.lab.shows.cassette.cassette import Cassette, RecordedSweep
from rivya_core.settings import Settings

if TYPE_CHECKING:
    from rivya_core.lab.lab import Lab  # Lab imports this module: a circular import at runtime

FOLDER: Final = "replays"
_NAME_DIGITS: Final = 16
_MANY: Final = 10_000
_PLAYS: Final = 20  # plays that the simulated wallet of a new folder can pay for
_PACE_LEAST_S: Final = 0.01  # as Settings has it


@dataclass(frozen=True, slots=True)
class Replay:
    """The cassette that a lab plays. ``files``: where clips and images of each hash are."""

    cassette: Cassette
    files: Mapping[str, Path]

    @property
    def images(self) -> frozenset[str]:
        """The hashes of the reference images that are in the file."""
        return frozenset(image.sha256 for image in self.cassette.images)

    @property
    def without_image(self) -> int:
        """Number of entries that cannot be played because their reference image is not in the file."""
        return sum(1 for entry in self.cassette.entries if entry.image is not None and entry.image not in self.images)

    def words(self, recorded_on: str = "") -> str:
        """Say that this is a replay, and of what; ``recorded_on``: the day as the reader writes days, else with its year."""
        recorded = self.cassette
        if recorded.mode == "simulated":
            return "REPLAY · SIMULATED"
        of = "live work" if recorded.mode == "live" else "live and simulated work"
        day = recorded_on or f"{recorded.recorded_on.day} {recorded.recorded_on:%b %Y}"
        return f"REPLAY of {of}, recorded {day}"

    def image(self, sha256: str) -> ReferenceImage:
        """One of those images, with exactly its bytes. Raises InvalidRequestError: it is no usable image."""
        return check_image(self.files[sha256].read_bytes(), send_original=True)


@dataclass(frozen=True, slots=True)
class Started:
    """The ids of what ``play`` started."""

    sweeps: tuple[str, ...]
    generations: tuple[str, ...]


def settings_for(settings: Settings, identity: str, cassette: Cassette) -> Settings:
    """Return the settings for playing a cassette: a folder of its own, no examples, polls as fast as the recording.

    identity: of the cassette, in hex. The wallet holds what playing it many times takes, on top of what a new one has.
    """
    speed = settings.simulator_speed
    changes = {
        "data_dir": settings.data_dir / FOLDER / identity[:_NAME_DIGITS],
        "first_start_examples": False,
        "simulator_credits": settings.simulator_credits + _PLAYS * cassette.credits,
        "poll_first_s": max(_PACE_LEAST_S, settings.poll_first_s / speed),
        "poll_min_s": max(_PACE_LEAST_S, settings.poll_min_s / speed),
        "poll_max_s": max(_PACE_LEAST_S, settings.poll_max_s / speed),
        "poll_reads_per_s": settings.poll_reads_per_s * max(1.0, speed),
        "settle_delays_s": tuple(delay / speed for delay in settings.settle_delays_s),
    }
    return settings.model_copy(update=changes)


def play(lab: Lab, play_id: str) -> Started:
    """Start the recorded work in this lab: its sweeps, and the generations outside of them. Deduplicated by ``play_id``.

    play_id: an id as ``new_experiment_id`` mints it. Entries whose reference image is not in the file are left out. What was
    played before is taken out of the lists first, as it would be reused otherwise.

    Raises:
        LabError: no cassette is played here, something still runs, or the lab is read-only.
        BudgetError: a cap does not allow it. InvalidRequestError: the catalogue does not know the recorded request any more.
    """
    replay = lab.cassettes.playing
    if replay is None:
        raise LabError(
            "There is nothing to play", "No cassette is set.", "Set RIVYA_CASSETTE and restart.", field="cassette"
        )
    sweeps = [_sweep(replay, recorded) for recorded in replay.cassette.sweeps if recorded.spec.images <= replay.images]
    alone = list(_alone(replay, sweeps))
    ids = [_numbered(play_id, number, len(sweeps)) for number in range(len(sweeps))]
    if not lab.history.some([f"{play_id}-{kind}-{take}" for kind, take, _ in alone]):
        _put_away(lab, frozenset(ids))
    started = [lab.start(sweep, experiment_id=id_) for id_, sweep in zip(ids, sweeps, strict=True)]
    rows = [
        lab.submit(request, intent_id=f"{play_id}-{kind}", take=take, source="replay") for kind, take, request in alone
    ]
    return Started(tuple(started), tuple(row.id for row in rows))


def _put_away(lab: Lab, ids: frozenset[str]) -> None:
    """Hide what was played before, unless it is this very play (a repeat of the same ids)."""
    records = [*lab.sweeps.list(limit=_MANY), *lab.sweeps.list(limit=_MANY, hidden=True)]
    if ids & {record.id for record in records}:
        return
    if lab.history.running_count():
        raise LabError(
            "The recording is still playing", "Some of it has not ended.", "Wait until it has.", field="state"
        )
    for record in records:
        lab.sweeps.delete(record.id)
    lab.delete([row.id for row in lab.history.export_rows() if row.is_terminal])


def _numbered(play_id: str, number: int, of: int) -> str:
    return play_id if of == 1 else f"{play_id}-{number}"


def _sweep(replay: Replay, recorded: RecordedSweep) -> Sweep:
    spec = recorded.spec.model_dump()
    base, axes = read_spec(spec, replay.image)
    paired = recorded.spec.paired
    return Sweep(recorded.name, recorded.question, base, axes, recorded.takes, paired=paired, kind=recorded.kind)


def _alone(replay: Replay, sweeps: Sequence[Sweep]) -> Iterator[tuple[int, int, GenerationRequest]]:
    """The entries that no sweep plays: number of their request, take, request."""
    takes = {cell.reuse_sha256: sweep.takes for sweep in sweeps for cell in sweep.cells}
    kinds: dict[str, int] = {}
    for entry in replay.cassette.entries:
        if entry.image is not None and entry.image not in replay.images:
            continue
        image = None if entry.image is None else replay.image(entry.image)
        request = GenerationRequest.from_canonical(entry.canonical(), image)
        if entry.take > takes.get(request.reuse_sha256, 0):
            yield kinds.setdefault(request.reuse_sha256, len(kinds)), entry.take, request
