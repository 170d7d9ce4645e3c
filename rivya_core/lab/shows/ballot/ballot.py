"""A ballot: one voting question as one HTML file that works offline, for any number of voters.

The pool that pairs are drawn from is fixed when the ballot is made: the pairs of values that can be compared, in every block
that contains both, with all their clips. The voter's browser draws from it by the same rule as rounds in the lab, so that the
votes can be counted together. Nothing in the file may reveal what is compared: clips are re-encoded and named by random
numbers. It is written clip by clip, so that memory does not grow with their number.
"""

from __future__ import annotations

import json
import random
import secrets
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from rivya_core.api.errors import LabError, RivyaError
from rivya_core.lab.evaluation.results import Case, read_case
from rivya_core.lab.evaluation.votes import ballot_lines
from rivya_core.lab.evaluation.votes.ballot_lines import BallotRow
from rivya_core.lab.evaluation.votes.tally import Tally
from rivya_core.lab.evaluation.votes.vote_lines import PAIRS_MAX, Block, Plan
from rivya_core.lab.evaluation.votes.votes import WHYS
from rivya_core.lab.jobs import submission
from rivya_core.lab.ledger.database import begin_immediate, reading, reading_at_once
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.lab.ledger.read_only import refuse_if_read_only
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.server.background_reads import BackgroundReads
from rivya_core.lab.shows.ballot.encoding import even_copy, long_side_px
from rivya_core.lab.shows.own_key import refuse_key
from rivya_core.mode_words import mode_word
from rivya_core.settings import Settings

CLIPS_MAX: Final = 60
"""All clips of a question are on its ballot: leaving some out would be a choice. So a larger question has none."""

FOLDER: Final = Path(__file__).parent / "page"
_SCRIPTS: Final = ("hmac.js", "line.js", "page.js")
_TOKEN_BYTES: Final = 5
_CHANCE: Final = random.SystemRandom()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BallotFile:
    """A ballot that was made. ``pairs``: how many each voter sees."""

    id: str
    experiment_id: str
    show_id: str | None
    question: str
    made_at: datetime
    pairs: int
    clips: int
    size_bytes: int
    _find: Callable[[], Path] = field(repr=False, compare=False)

    @property
    def path(self) -> Path:
        """The page, one file, or a local copy of it. Raises StorageError when it is gone."""
        return self._find()


class BallotFiles:
    """Make ballots and find them again; safe to use from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        archive: Archive,
        refuse_if_closed: Callable[[], None],
        background: BackgroundReads,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._archive = archive
        self._refuse_if_closed = refuse_if_closed
        self._background = background
        self._failures: dict[str, RivyaError] = {}
        self._one_of_a_show = threading.Lock()

    def make(
        self, experiment_id: str, question: str | None = None, *, show_id: str | None = None, once: bool = False
    ) -> BallotFile:
        """Make a ballot; takes about a second a clip.

        Args:
            experiment_id: The sweep.
            question: What is voted on, by its key, see ``Votes.questions``; None = what the sweep asks first.
            show_id: The show it goes with, or None.
            once: Keep the one that another process has made for this show and question meanwhile, if there is one.

        Raises:
            LabError: no such sweep or question, nothing that can be compared, more than 60 clips, a clip that cannot be read,
                or the lab is read-only.
        """
        refuse_if_read_only(self._settings)
        submission.check_disk(self._settings, self._archive)
        with begin_immediate(self._ledger.database) as connection:
            case = read_case(connection, experiment_id)
            new_id = ballot_lines.new_id(connection, self._ledger.clock())
        ballot_question = case.default if question is None else case.question(question)
        plan = plan_of(case.tally(ballot_question), case.field.clips)
        cells = {clip: cell for cell, clips in case.field.clips.items() for clip in clips}
        used = {clip for blocks in plan.matches for block in blocks for side in block for clip in side}
        key = ballot_lines.new_key()
        names = _names(used)
        page_data = _page_data(case, plan, names, cells, self._settings.connection) | {"id": new_id, "key": key}
        refuse_key(self._settings, json.dumps(page_data, ensure_ascii=False))
        page = self._archive.put_pieces(_key(new_id), page_of(page_data, self._copies(used, names)))
        row = BallotRow(
            new_id,
            experiment_id,
            show_id,
            ballot_question.key,
            self._ledger.clock(),
            key,
            plan,
            {clip: cells[clip] for clip in sorted(used)},
            case.field.cells,
            page.stat().st_size,
        )
        with begin_immediate(self._ledger.database) as connection:
            others = ballot_lines.made(connection, experiment_id, show_id) if once else []
            known = next((one for one in others if one.question == ballot_question.key), None)
            if known is None:
                ballot_lines.add(connection, row)
        if known is not None:
            self._archive.delete(_key(new_id))
        return self._file(known or row)

    def of_show(self, show_id: str, experiment_id: str, question: str | None = None) -> BallotFile:
        """The ballot of a show on a question, made if there is none. Raises as ``make`` does."""
        with reading_at_once(self._ledger.database) as connection:
            case = read_case(connection, experiment_id)
        key = (case.default if question is None else case.question(question)).key
        with self._one_of_a_show:  # two that ask at once get the same one: on two ballots a voter would count twice
            known = self.latest(experiment_id, key, show_id=show_id)
            return known or self.make(experiment_id, key, show_id=show_id, once=True)

    def latest(self, experiment_id: str, question: str, *, show_id: str | None = None) -> BallotFile | None:
        """The ballot of a question that was made last, of any show or of the one given; None when there is none."""
        with reading(self._ledger.database) as connection:
            rows = ballot_lines.made(connection, experiment_id, show_id)
        return next((self._file(row) for row in rows if row.question == question), None)

    def beside(self, show_id: str, experiment_id: str) -> BallotFile | None:
        """The ballot of a show that was made last, on whatever question; None while there is none."""
        with reading(self._ledger.database) as connection:
            rows = ballot_lines.made(connection, experiment_id, show_id)
        ballot = self._file(rows[0]) if rows else None
        return ballot if ballot is not None and self._archive.may_exist(_key(ballot.id)) else None

    def file(self, ballot_id: str) -> BallotFile:
        """A ballot by its id. Raises LabError when there is none."""
        with reading(self._ledger.database) as connection:
            row = ballot_lines.find(connection, ballot_id)
        if row is None:
            raise LabError("There is no such ballot", f"{ballot_id[:60]!r} was not made here.", field="ballot")
        return self._file(row)

    # -- for pages, which never wait -------------------------------------------------------------------------------

    def ask(self, experiment_id: str, question: str, *, show_id: str | None = None) -> None:
        """Have a ballot made in the background; returns at once. Raises LabError on a read-only lab."""
        refuse_if_read_only(self._settings)
        name = _task_name(experiment_id, question)
        self._failures.pop(name, None)

        def make() -> None:
            try:
                self.make(experiment_id, question, show_id=show_id)
            except RivyaError as error:
                self._failures[name] = error

        self._background.run(name, make)

    def is_making(self, experiment_id: str, question: str) -> bool:
        """True while a ballot of the question is made in the background."""
        return self._background.is_running(_task_name(experiment_id, question))

    def failure(self, experiment_id: str, question: str) -> RivyaError | None:
        """Why the last one that was asked for could not be made, or None."""
        return self._failures.get(_task_name(experiment_id, question))

    def _copies(self, used: set[str], names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Of each clip its random number and its copy in base64, by number; each is made when it is asked for."""
        archive, sources = self._archive, {clip: self._source(clip) for clip in used}
        long_px = long_side_px(sources)
        for clip, source in sorted(sources.items(), key=lambda one: names[one[0]]):
            self._refuse_if_closed()
            part = archive.part_path(_key(clip))
            try:
                even_copy(source, part, long_px)
                yield names[clip], b64encode(part.read_bytes()).decode()
            finally:
                part.unlink(missing_ok=True)

    def _source(self, generation_id: str) -> Path:
        row = self._ledger.get(generation_id)
        if row.clip_key is None:
            raise LabError("A clip cannot be put on the ballot", "It has no file.", field="clip")
        return self._archive.local(row.clip_key)

    def _file(self, row: BallotRow) -> BallotFile:
        return BallotFile(
            row.id,
            row.experiment_id,
            row.show_id,
            row.question,
            row.made_at,
            row.plan.pairs,
            len(row.cells),
            row.size_bytes,
            partial(self._archive.local, _key(row.id)),
        )


def _key(ballot_id: str) -> str:
    return f"ballots/{ballot_id}.html"


def _task_name(experiment_id: str, question: str) -> str:
    return f"ballot-{experiment_id}-{question}"


# -- what it deals from ------------------------------------------------------------------------------------------------


def plan_of(tallied: Tally, clips: Mapping[int, Sequence[str]]) -> Plan:
    """Lay down what a ballot deals from: every two values that are still in, every block that holds both, all clips.

    What is chosen here depends on past votes only through who is out; the order, which end is first, and the order of blocks and
    clips are by chance, so that the file does not tell by order which is which.

    Raises:
        LabError: nothing can be compared, or there are more clips than a ballot holds.
    """
    grid, remaining = tallied.grid, set(tallied.progress.left)
    if not grid.pairs:
        raise LabError(
            "There is nothing to vote on yet",
            "A ballot needs clips of at least two values in the same setting of everything else.",
            "Wait until the sweep has made them.",
            field="question",
        )
    pairs = [pair for pair in grid.pairs if remaining.issuperset(pair)] or list(grid.pairs)
    matches = []
    for pair in _shuffled(pairs):
        one, other = _shuffled(pair)
        blocks = _shuffled(grid.shared(*pair))
        matches.append(
            tuple(_block(clips[grid.cells[one][block]], clips[grid.cells[other][block]]) for block in blocks)
        )
    number = len({clip for blocks in matches for block in blocks for side in block for clip in side})
    if number > CLIPS_MAX:
        raise LabError(
            "This question is too large for a ballot",
            f"It has {number} clips; a ballot holds {CLIPS_MAX}, and leaving some out would be a choice.",
            "Vote here, or choose a question with fewer clips.",
            field="question",
        )
    distinct = sum(len(one) * len(other) for blocks in matches for one, other in blocks)
    return Plan(min(PAIRS_MAX, distinct), tuple(matches))


def _block(one: Sequence[str], other: Sequence[str]) -> Block:
    return tuple(_shuffled(one)), tuple(_shuffled(other))


def _shuffled(items: Sequence[T]) -> list[T]:
    return _CHANCE.sample(items, len(items))


# -- the page ----------------------------------------------------------------------------------------------------------


def _names(clips: set[str]) -> dict[str, str]:
    """A random number for each clip."""
    names: dict[str, str] = {}
    while len(names) < len(clips):
        names = {clip: secrets.token_hex(_TOKEN_BYTES) for clip in clips}
        if len(set(names.values())) < len(clips):
            names = {}
    return names


def _page_data(
    case: Case, plan: Plan, names: Mapping[str, str], cells: Mapping[str, int], connection: str
) -> dict[str, Any]:
    """What the page is told: pairs, blocks and clips by their random numbers, and what is the same for both clips of a pair."""
    prompts = {cell.cell: str(cell.request.get("prompt", "")) for cell in case.cells}

    def shared(block: Block) -> str:
        side_prompts = {prompts[cells[side[0]]] for side in block}
        return side_prompts.pop() if len(side_prompts) == 1 else ""

    word = mode_word(case.field.mode, connection)
    return {
        "pairs": plan.pairs,
        "matches": [
            [[[names[clip] for clip in side] for side in block] for block in blocks] for blocks in plan.matches
        ],
        "prompts": [[shared(block) for block in blocks] for blocks in plan.matches],
        "mark": "" if word == "live" else word.upper(),
    }


def page_of(data: Mapping[str, Any], clips: Iterable[tuple[str, str]]) -> Iterator[bytes]:
    """Write the page of a ballot piece by piece; ``clips``: of each its random number and its copy in base64, one at a time."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only who makes a ballot pays for it
    from markupsafe import Markup  # noqa: PLC0415

    from rivya_core.lab.shows.page.page import escaped_json, source_hash  # noqa: PLC0415 - loads Jinja2

    css = (FOLDER / "page.css").read_text(encoding="utf-8")
    js = "'use strict';\n" + "".join((FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    policy = (
        f"default-src 'none'; script-src {source_hash(js)}; style-src {source_hash(css)}; media-src blob:; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
    pieces = environment.get_template("template.html.jinja").generate(
        policy=policy,
        css=Markup(css),  # noqa: S704 - our own file
        js=Markup(js),  # noqa: S704 - our own files
        ballot=escaped_json(data),
        clips=clips,
        whys=WHYS,
    )
    return (piece.encode() for piece in pieces)
