"""Verdicts: whether a difference between combinations exceeds take-to-take variation. Computed in the background and cached.

A verdict is given only once every started take has ended and was measured: testing after every new clip and stopping when
the result suits (optional stopping) would inflate the error rate.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from rivya_core.api.errors import LabError, WaitTimeoutError
from rivya_core.lab.evaluation import findings, observations, sweep_findings
from rivya_core.lab.evaluation.axis_analysis import AxisVerdict, appraise
from rivya_core.lab.evaluation.findings import SweepVerdict
from rivya_core.lab.evaluation.measure_worker import MeasureWorker
from rivya_core.lab.evaluation.observations import Observed
from rivya_core.lab.evaluation.wording import headline
from rivya_core.lab.experiments.parameter_notes import note_name
from rivya_core.lab.ledger.database import reading_at_once
from rivya_core.lab.ledger.ledger import Ledger
from rivya_core.settings import Settings

log = logging.getLogger("rivya.verdicts")

CACHE_MAX: Final = 64
WAIT_LOOK_S: Final = 0.1
FAULT: Final = "Something nobody foresaw went wrong while it was worked out; the log has the details."

Stage = Literal["nothing", "running", "measuring", "judging", "judged", "failed"]

AWAITED: Final[frozenset[Stage]] = frozenset({"running", "measuring", "judging"})
"""Stages in which a verdict will come without anyone doing anything."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Progress of judging an experiment.

    ``stage``: nothing = no clip yet; running = takes are running; measuring; judging = being computed; judged; failed = the
    computation failed and is retried with new evidence or by ``Verdicts.try_again``; ``fault`` says why.
    ``measured`` of ``clips`` are done, ``troubles`` say why some cannot be; ``open_takes`` are running, ``planned`` are not
    started. ``axes``: the verdicts, empty before they are computed and when nothing was varied.
    """

    stage: Stage
    measured: int
    clips: int
    open_takes: int
    planned: int
    troubles: tuple[str, ...]
    axes: tuple[AxisVerdict, ...] = ()
    fault: str = ""

    @property
    def is_awaited(self) -> bool:
        """True while a verdict will come by itself."""
        return self.stage in AWAITED


@dataclass(frozen=True, slots=True)
class _Worked:
    """The computed verdicts of one state of an experiment; ``fault``: why the computation failed, or ""."""

    fingerprint: int
    axes: tuple[AxisVerdict, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ParameterNote:
    """What probes and clear sweeps found about a parameter of a model. ``at``: when, aware UTC."""

    verdict: str
    words: str
    experiment_id: str
    at: datetime


class Verdicts:
    """Judge experiments by measured features; safe to use from any thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Ledger,
        refuse_if_closed: Callable[[], None],
        measure_worker: MeasureWorker,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._refuse_if_closed = refuse_if_closed
        self._measure_worker = measure_worker
        self._lock = threading.Lock()
        self._cache: dict[str, _Worked] = {}
        self._looked: dict[str, tuple[int, Standing]] = {}
        self._at_work: set[str] = set()

    @property
    def measures_here(self) -> bool:
        """True when this process measures clips; else another one does, or none while none runs the jobs."""
        return self._measure_worker.is_here

    def look(self, experiment_id: str) -> Standing:
        """Return the progress without blocking; a missing verdict is computed in the background.

        Gives the experiment priority: its clips are measured before those of others.

        Raises:
            LabError: no such experiment.
        """
        standing = self._look(experiment_id)
        if standing.stage == "measuring":
            self._measure_worker.want(experiment_id)
        return standing

    def _look(self, experiment_id: str) -> Standing:
        changes = self._ledger.changes()
        looked = self._looked.get(experiment_id)
        if looked is not None and looked[0] == changes and looked[1].stage != "judging":
            return looked[1]
        observed = self._read(experiment_id)
        cached = self._cache.get(experiment_id)
        worked = cached if cached is not None and cached.fingerprint == observed.fingerprint else None
        if worked is None and observed.is_complete:
            self._work_beside(observed)
        standing = _standing(observed, worked)
        if len(self._looked) >= CACHE_MAX:
            self._looked.clear()
        self._looked[experiment_id] = (changes, standing)
        return standing

    def judge(self, experiment_id: str) -> Standing:
        """Return the progress, computing the verdict on this thread if everything is measured; may take a second.

        Raises:
            LabError: no such experiment.
        """
        observed = self._read(experiment_id)
        return _standing(observed, self._work(observed) if observed.is_complete else None)

    def finding(self, experiment_id: str) -> SweepVerdict | None:
        """Return in one plain sentence what a sweep found, with its evidence; None before it is judged, or if nothing was varied.

        The only source of that sentence for pages, exports and shows. Computes the verdict if it is missing.

        Raises:
            LabError: no such experiment.
        """
        standing = self.look(experiment_id)
        if standing.stage == "judging":
            standing = self.judge(experiment_id)
        return findings.of_sweep(experiment_id, standing.axes) if standing.axes else None

    def wait(self, experiment_id: str, timeout_s: float = 3600.0) -> Standing:
        """Block until all started takes have ended and were measured and judged, at most ``timeout_s`` seconds.

        Raises:
            WaitTimeoutError: the deadline passed; the judging itself goes on.
            LabError: no such experiment, or the lab was closed meanwhile.
        """
        deadline_s = time.monotonic() + timeout_s
        while (standing := self.look(experiment_id)).is_awaited:
            self._refuse_if_closed()
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise WaitTimeoutError(
                    "There is no verdict yet",
                    f"{experiment_id}: {standing.measured} of {standing.clips} clips measured and {standing.open_takes} "
                    f"takes under way after {timeout_s:g} s.",
                    "It goes on by itself; call wait again.",
                    retryable=True,
                )
            time.sleep(min(WAIT_LOOK_S, left_s))
        return standing

    def try_again(self, experiment_id: str) -> None:
        """Clear a failed computation, so that the next ``look`` retries it."""
        with self._lock:
            self._cache.pop(experiment_id, None)
            self._looked.pop(experiment_id, None)

    # -- knobs -----------------------------------------------------------------------------------------------------

    def knob(self, model: str, param: str) -> ParameterNote | None:
        """Return what was measured here about a parameter of a model, in the mode of this lab; None if nothing was.

        A clear probe is reported alone; anything else together with the clear sweeps, and out of how many.
        """
        probe = self._probed(model, param)
        if probe is not None and probe.verdict == "clear":
            return probe
        sweep = sweep_findings.find(self._ledger, self._settings.mode, model, param)
        if sweep is None:
            return probe
        more = "" if probe is None else f"; a probe said: {probe.words}"
        return ParameterNote("sweep", f"{sweep.words}{more}", sweep.experiment_id, sweep.at)

    def _probed(self, model: str, param: str) -> ParameterNote | None:
        stored = self._ledger.key_value.get(note_name(self._settings.mode, model, param))
        if not isinstance(stored, Mapping):
            return None
        try:
            at = datetime.fromisoformat(str(stored["at"]))
            return ParameterNote(str(stored["verdict"]), str(stored["words"]), str(stored["experiment_id"]), at)
        except (KeyError, ValueError):
            return None

    def settle_probes(self, go_on: Callable[[], bool] = lambda: True) -> None:
        """Store the result of every complete probe with its parameter, and the findings of complete sweeps with theirs.

        Neither a hint nor a sweep ever replaces a verdict. ``go_on``: called before each experiment; False stops.
        """
        with self._ledger.reading() as connection:
            ids = observations.probes(connection)
        for experiment_id in ids:
            if not go_on():
                return
            observed = self._read(experiment_id)
            if observed.is_complete and not any(take.generation_id is None for take in observed.takes):
                self._settle(observed)
        sweep_findings.settle(self._ledger, lambda observed: self._work(observed).axes, go_on)

    def _settle(self, observed: Observed) -> None:
        for verdict in self._work(observed).axes:
            name = note_name(observed.mode, observed.model, verdict.axis)
            standing = self._ledger.key_value.get(name)
            note = {
                "verdict": verdict.finding.word,
                "words": headline(verdict),
                "experiment_id": observed.experiment_id,
                "kind": observed.kind,
                "started_at": observed.created_at.isoformat(),
                "at": datetime.now(UTC).isoformat(),
            }
            if _replaces(note, standing):
                self._ledger.key_value.set(name, note)
                log.info("a probe was judged", extra={"experiment_id": observed.experiment_id})

    # -- working it out --------------------------------------------------------------------------------------------

    def _read(self, experiment_id: str) -> Observed:
        with reading_at_once(self._ledger.database) as connection:
            observed = observations.read(connection, experiment_id)
        if observed is None:
            raise LabError("There is no such sweep", f"{experiment_id} is not known here.")
        return observed

    def _work(self, observed: Observed) -> _Worked:
        """Compute the verdicts, once per state of an experiment; a failure is cached, too."""
        cached = self._cache.get(observed.experiment_id)
        if cached is not None and cached.fingerprint == observed.fingerprint:
            return cached
        try:
            worked = _Worked(observed.fingerprint, appraise(observed))
        except Exception:
            log.exception("a verdict could not be worked out", extra={"experiment_id": observed.experiment_id})
            worked = _Worked(observed.fingerprint, fault=FAULT)
        with self._lock:
            while len(self._cache) >= CACHE_MAX:
                self._cache.pop(next(iter(self._cache)))
            self._cache[observed.experiment_id] = worked
        return worked

    def _work_beside(self, observed: Observed) -> None:
        """Start a thread for it, one per experiment; it uses no database and ends by itself."""
        with self._lock:
            if observed.experiment_id in self._at_work:
                return
            self._at_work.add(observed.experiment_id)
        try:
            threading.Thread(target=self._work_once, args=(observed,), name="rivya-verdict", daemon=True).start()
        except RuntimeError:  # the system refuses more threads: the next ``look`` retries
            self._end_work(observed)

    def _work_once(self, observed: Observed) -> None:
        try:
            self._work(observed)
        finally:
            self._end_work(observed)

    def _end_work(self, observed: Observed) -> None:
        with self._lock:
            self._at_work.discard(observed.experiment_id)


def _standing(observed: Observed, worked: _Worked | None) -> Standing:
    open_takes = sum(take.is_open for take in observed.takes)
    due = sum(take.is_due for take in observed.takes)
    measured = len(observed.measured)
    troubles = [take.trouble for take in observed.takes if take.trouble]
    stage: Stage = "judging"
    if open_takes:
        stage = "running"
    elif due:
        stage = "measuring"
    elif not measured:
        stage = "nothing"
    elif worked is not None:
        stage = "failed" if worked.fault else "judged"
    return Standing(
        stage=stage,
        measured=measured,
        clips=measured + due + len(troubles),
        open_takes=open_takes,
        planned=sum(take.generation_id is None for take in observed.takes),
        troubles=tuple(dict.fromkeys(troubles)),
        axes=worked.axes if worked is not None and stage == "judged" else (),
        fault=worked.fault if worked is not None and stage == "failed" else "",
    )


def _replaces(note: Mapping[str, Any], standing: Any) -> bool:
    """A verdict outranks a hint; of equal kinds the later one counts; the same probe replaces itself only if its result changed."""
    if not isinstance(standing, Mapping):
        return True
    if standing.get("experiment_id") == note["experiment_id"]:
        return bool(standing.get("words") != note["words"])
    rank = {"hint": 0, "verdict": 1}
    mine, theirs = rank.get(str(note["kind"]), 0), rank.get(str(standing.get("kind")), 0)
    return (mine, str(note["started_at"])) > (theirs, str(standing.get("started_at", "")))
