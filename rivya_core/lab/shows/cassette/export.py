"""Write a cassette of any finished work, selected afterwards: the ledger has recorded everything that a replay needs.

Deterministic: the same rows give the same bytes.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from rivya_core.api.durable import written_beside
from rivya_core.api.errors import LabError, StorageError
from rivya_core.lab.experiments import repository
from rivya_core.lab.experiments.records import ExperimentRecord
from rivya_core.lab.ledger.database import reading
from rivya_core.lab.ledger.history.history import History
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.observations.redaction import Redactor
from rivya_core.lab.ledger.records import GenerationRecord
from rivya_core.lab.ledger.states import State
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.video_probe import sha256_of
from rivya_core.lab.shows.cassette.cassette import (
    CLIPS,
    ENTRIES_MAX,
    FILE_MAX_BYTES,
    IMAGES,
    IMAGES_MAX,
    INDEX_MAX_BYTES,
    INDEX_NAME,
    SWEEPS_MAX,
    Cassette,
    Entry,
    Failure,
    Piece,
    RecordedSweep,
    Spec,
)
from rivya_core.lab.shows.cassette.replay import Replay
from rivya_core.lab.shows.own_key import refuse_key
from rivya_core.lab.shows.target import free_target
from rivya_core.lab.shows.zip_pieces import Pieces, blocks, undated
from rivya_core.settings import Mode, Settings

MESSAGE_MAX: Final = 500

_NO_REASON: Final = "Rivya gave no reason"
_ADDRESSES: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """One generation of the selection, and which take of its like it is where a sweep says so."""

    row: GenerationRecord
    take: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a cassette is written from; ``replay``: what is being played, None for a lab's own work."""

    settings: Settings
    ledger: Ledger
    history: History
    archive: Archive
    replay: Replay | None


def export(source: Source, selection: str | Iterable[str], path: str | Path, *, images: bool = False) -> Path:
    """Write a cassette of a selection and return its path.

    selection: the id of a sweep, or ids of generations and sweeps. images: put the reference images in as well; without them
    what was made from an image cannot be replayed. What has not ended or no longer has a clip is left out.

    Raises:
        LabError: nothing of it can be recorded, it is too much, or a sweep is not known.
        StorageError: a clip was changed on the disk, or the file cannot be written.
    """
    target = free_target(path)
    written = pieces(source, selection, images=images)
    try:
        with written_beside(target) as part, part.open("wb") as file:
            for piece in written:
                file.write(piece)
    except OSError as error:
        raise StorageError(
            "The cassette cannot be written", f"{target}: {error.strerror}.", "Choose another place.", field="path"
        ) from error
    return target


def pieces(source: Source, selection: str | Iterable[str], *, images: bool = False) -> Iterator[bytes]:
    """Return the bytes of a cassette piece by piece; what cannot be recorded is refused before the first one. See :func:`export`."""
    if source.replay is not None:  # its rows no longer say what was live
        raise LabError(
            "A replay is not recorded again",
            "What is played here is on a cassette already; hand on the file itself.",
            "It is the one that RIVYA_CASSETTE names.",
            field="selection",
        )
    chosen, experiments, missing = _chosen(source, [selection] if isinstance(selection, str) else list(selection))
    cassette, files = _recorded(source, chosen, experiments, missing, images=images)
    index = json.dumps(cassette.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, indent=1).encode()
    size = len(index) + sum(piece.size_bytes for piece in cassette.members().values())
    if len(index) > INDEX_MAX_BYTES or size > FILE_MAX_BYTES:
        raise _too_much(
            f"it would have {max(1, size // 1_000_000):,} MB, and a cassette has at most {FILE_MAX_BYTES // 1_000_000:,}"
        )
    refuse_key(source.settings, index.decode())
    return _zip(index, files)


def mode_of(source: Source, selection: Iterable[str]) -> Mode | None:
    """Return the mode of all that a selection holds, or None when it holds both, or nothing."""
    modes = {one.row.mode for one in _chosen(source, list(selection))[0]}
    return modes.pop() if len(modes) == 1 else None


# -- what is chosen ----------------------------------------------------------------------------------------------------


def _chosen(source: Source, ids: Sequence[str]) -> tuple[list[_Chosen], list[ExperimentRecord], int]:
    """Every generation of a selection once, those of sweeps in the order of the grid; the sweeps; how many ids are gone."""
    takes: dict[str, int | None] = {}
    experiments: list[ExperimentRecord] = []
    with reading(source.ledger.database) as connection:
        for id_ in ids:
            experiment = repository.find(connection, id_)
            if experiment is None:
                takes.setdefault(id_, None)
                continue
            experiments.append(experiment)
            for cell in repository.read_cells(connection, id_):
                takes |= {take.generation_id: take.take for take in cell.takes if take.generation_id is not None}
    rows = {row.id: row for row in source.history.some(list(takes))}
    if not any(takes.values()):  # the order in which they were picked makes no other cassette
        rows = dict(sorted(rows.items(), key=lambda item: item[1].seq))
    return [_Chosen(row, takes[id_]) for id_, row in rows.items()], experiments, len(takes) - len(rows)


def _recorded(
    source: Source, chosen: Sequence[_Chosen], experiments: Sequence[ExperimentRecord], missing: int, *, images: bool
) -> tuple[Cassette, dict[str, Path]]:
    """The cassette, and where the files are that stand in it."""
    clips = {one.row.id: _clip(source, one.row) for one in chosen if one.row.state is State.SUCCEEDED}
    recordable = [one for one in chosen if clips.get(one.row.id) is not None or _is_failure(one.row)]
    if not recordable:
        raise LabError(
            "There is nothing to record",
            "None of it has ended with a clip or a failure.",
            "Choose generations that have ended.",
            field="selection",
        )
    if len(recordable) > ENTRIES_MAX or len(experiments) > SWEEPS_MAX:
        raise _too_much(f"a cassette holds at most {ENTRIES_MAX:,} generations and {SWEEPS_MAX} sweeps")
    files: dict[str, Path] = {}
    first = min(one.row.created_at for one in recordable)
    redact = _redactor(source)
    entries: list[Entry] = []
    for one, take in zip(recordable, _takes(recordable), strict=True):
        piece, path = clips.get(one.row.id) or (None, None)
        if piece is not None and path is not None:
            files[f"{CLIPS}{piece.sha256}"] = path
        entries.append(_entry(one.row, take, first, piece, redact))
    sweeps = [_sweep(record) for record in experiments if "base" in record.spec]
    image_pieces = _images(source, recordable, sweeps) if images else {}
    files |= {f"{IMAGES}{piece.sha256}": path for piece, path in image_pieces.values()}
    ended = max(one.row.finished_at or one.row.created_at for one in recordable)
    cassette = Cassette(
        recorded_on=ended.astimezone(UTC).date(),
        left_out=len(chosen) - len(recordable) + missing,
        sweeps=sweeps,
        entries=entries,
        images=[piece for _, (piece, _) in sorted(image_pieces.items())],
    )
    return cassette, files


def _takes(recordable: Sequence[_Chosen]) -> list[int]:
    """Which of its like each generation is: as its sweep says, else the next number that no other has."""
    used: dict[str, set[int]] = defaultdict(set)
    likes = [one.row.reuse_sha256 or one.row.request_sha256 for one in recordable]
    for one, like in zip(recordable, likes, strict=True):
        if one.take is not None:
            used[like].add(one.take)
    numbers: list[int] = []
    for one, like in zip(recordable, likes, strict=True):
        take = one.take or next(number for number in count(1) if number not in used[like])
        used[like].add(take)
        numbers.append(take)
    return numbers


def _is_failure(row: GenerationRecord) -> bool:
    return row.state is State.FAILED and row.duplicate_of is None


def _clip(source: Source, row: GenerationRecord) -> tuple[Piece, Path] | None:
    if row.clip_key is None or row.clip_sha256 is None:
        return None
    path = source.archive.find_local(row.clip_key)
    return None if path is None else (_piece(path, row.clip_sha256), path)


def _piece(path: Path, sha256: str) -> Piece:
    if sha256_of(path) != sha256:
        raise StorageError(
            "A file was changed on the disk",
            f"{path.name} is not what was kept, so it was not recorded.",
            "Restore the data folder from its backup, or leave that generation out.",
            field="archive",
        )
    return Piece(sha256=sha256, size_bytes=path.stat().st_size)


def _images(
    source: Source, recordable: Sequence[_Chosen], sweeps: Sequence[RecordedSweep]
) -> dict[str, tuple[Piece, Path]]:
    """Every reference image of the rows and of the sweeps, by its hash."""
    hashes = {one.row.asset_sha256 for one in recordable if one.row.asset_sha256}
    hashes |= {sha256 for sweep in sweeps for sha256 in sweep.spec.images}
    if len(hashes) > IMAGES_MAX:
        raise _too_much(f"a cassette holds at most {IMAGES_MAX} reference images")
    paths = {sha256: source.archive.local(source.ledger.assets.key(sha256)) for sha256 in sorted(hashes)}
    return {sha256: (_piece(path, sha256), path) for sha256, path in paths.items()}


# -- what is written of it ---------------------------------------------------------------------------------------------


def _entry(row: GenerationRecord, take: int, first: datetime, clip: Piece | None, redact: Redactor) -> Entry:
    reserved = row.reserved_credits if row.reserved_credits is not None else row.expected_credits
    final = row.final_credits if row.final_credits is not None else row.held_credits
    return Entry(
        mode=row.mode,
        model=row.model,
        prompt=row.prompt,
        params={
            name: value if isinstance(value, str) else float(value)
            for name, value in row.params.items()
            if isinstance(value, (str, int, float))
        },
        image=row.asset_sha256,
        take=take,
        after_s=_seconds(first, row.created_at) or 0.0,
        queued_s=_seconds(row.submitted_at, row.processing_at),
        work_s=_seconds(row.submitted_at, row.ready_at),
        reserved_credits=reserved,
        final_credits=final,
        failure=None if clip is not None else _failure(row, redact),
        clip=clip,
    )


def _seconds(since: datetime | None, until: datetime | None) -> float | None:
    return None if since is None or until is None else max(0.0, round((until - since).total_seconds(), 3))


def _failure(row: GenerationRecord, redact: Redactor) -> Failure:
    """Rivya's own words of a failure, without the ids and addresses in them."""
    card = row.error
    detail = "" if card is None else card.detail.removesuffix(f" (task {row.task_id})").removeprefix("Rivya says: ")
    message = "" if detail == _NO_REASON else _ADDRESSES.sub("[address]", redact.plain(detail))
    for id_ in (row.task_id, row.file_id, row.request_id, card.request_id if card else None):
        if id_:
            message = message.replace(id_, "[id]")
    return Failure(code=card.code if card else None, message=message[:MESSAGE_MAX], is_refused=row.task_id is None)


def _redactor(source: Source) -> Redactor:
    key = source.settings.api_key
    return Redactor([] if key is None else [key.get_secret_value()], None)


def _sweep(record: ExperimentRecord) -> RecordedSweep:
    """A sweep without what belongs to its lab alone: ids, caps, trace id, names of files."""
    base = record.spec["base"]
    image = base.get("reference_image")
    spec = {
        "base": {
            **{name: base[name] for name in ("model", "prompt", "params")},
            "reference_image": image and {"sha256": image["sha256"]},
        },
        "axes": [{**axis, "values": [_plain(value) for value in axis["values"]]} for axis in record.spec["axes"]],
        "paired": record.spec["paired"],
    }
    return RecordedSweep(
        name=record.name,
        question=record.question,
        kind=record.kind,
        takes=record.takes,
        spec=Spec.model_validate(spec),
    )


def _plain(value: Any) -> Any:
    return {"image": {"sha256": value["image"]["sha256"]}} if isinstance(value, Mapping) else value


def _too_much(rule: str) -> LabError:
    return LabError(
        "This is too much for one cassette", f"{rule[0].upper()}{rule[1:]}.", "Choose less.", field="selection"
    )


# -- the file ----------------------------------------------------------------------------------------------------------


def _zip(index: bytes, files: Mapping[str, Path]) -> Iterator[bytes]:
    """Write the archive uncompressed: clips are compressed already, and the reader accepts stored members only."""
    out = Pieces()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        with archive.open(undated(INDEX_NAME), "w") as target:
            target.write(index)
        for name in sorted(files):
            with archive.open(undated(name), "w") as target:
                for block in blocks(files[name]):
                    target.write(block)
                    yield out.taken()
    yield out.taken()
