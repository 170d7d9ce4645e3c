"""Check for free whether a server still conforms to the packaged contract, and store the differences until the next check.

Four GETs and nothing else, never a POST; see ``api.probes``. Any answer, however malformed, becomes a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from rivya_core.api.answers import RawAnswer
from rivya_core.api.contract import ERROR_CODES
from rivya_core.api.differences import Difference, credits_differences, models_differences, task_differences
from rivya_core.api.errors import RivyaError
from rivya_core.api.listing import entries
from rivya_core.api.probes import PATHS, Probe, ProbeResult, probe, read_probe
from rivya_core.api.schema_differences import answer_fields, error_codes, operations, schema_differences, success

ANSWER_WITHIN_S: Final = 20.0
"""Timeout of each of the four requests, in seconds; our choice."""

DIFFERENCES_MAX: Final = 200
"""Most differences stored; our choice: every page reads them, and a server may list any number of parameters."""


@dataclass(frozen=True, slots=True)
class ContractReport:
    """What a check of the contract found.

    ``differences``: from the contract, the important ones first. ``troubles``: answers that could not be compared, a
    sentence each. ``asked`` and ``answered``: number of requests, and of usable answers.
    ``simulated``: a simulator answered.
    """

    checked_at: datetime
    connection: str
    simulated: bool
    differences: tuple[Difference, ...]
    troubles: tuple[str, ...]
    asked: int
    answered: int

    @property
    def agrees(self) -> bool:
        """True when every answer was usable and nothing differs that matters."""
        return not self.troubles and not any(one.matters for one in self.differences)

    def of(self, model: str, param: str) -> tuple[Difference, ...]:
        """What differs in one setting of a model."""
        return tuple(one for one in self.differences if one.param == param and one.model in {model, ""})


def check(
    exchange: Callable[[Probe, float], RawAnswer], connection: str, now: datetime
) -> tuple[ContractReport, list[tuple[str, str]]]:
    """Send all four requests; return the report and the observations for ``questions``. No answer makes this raise."""
    answers: dict[str, ProbeResult] = {}
    raw_answers: list[RawAnswer] = []
    for question in PATHS:
        try:
            raw: RawAnswer | RivyaError = exchange(probe(question), ANSWER_WITHIN_S)
        except RivyaError as error:
            raw = error
        if isinstance(raw, RawAnswer):
            raw_answers.append(raw)
        answers[question] = read_probe(question, raw)
    differences = [
        *credits_differences(answers["credits"]),
        *models_differences(answers["models"]),
        *schema_differences(answers["openapi"]),
        *task_differences(answers["task"]),
    ]
    troubles = tuple(one.trouble for one in answers.values() if one.trouble)
    report = ContractReport(
        checked_at=now,
        connection=connection,
        simulated=any(one.simulated for one in answers.values()),
        differences=_bounded(sorted(_once(differences), key=lambda one: not one.matters)),
        troubles=troubles,
        asked=len(answers),
        answered=len(answers) - len(troubles),
    )
    return report, [*_learned(answers), *_limits(raw_answers)]


def _bounded(differences: list[Difference]) -> tuple[Difference, ...]:
    """Keep the most important differences, and say how many are left out."""
    more = len(differences) - DIFFERENCES_MAX
    if more <= 0:
        return tuple(differences)
    rest = Difference(
        "models", f"And {more:,} further differences.", "Too much differs to be shown; read the API's own pages."
    )
    return (*differences[:DIFFERENCES_MAX], rest)


def _once(differences: list[Difference]) -> Iterator[Difference]:
    """Drop differences found in the schema that the models list already showed."""
    from_schema: set[tuple[str, str, str]] = set()
    for one in differences:
        key = (one.model, one.param, one.what)
        if key not in from_schema:
            from_schema.add(key)
            yield one


def _learned(answers: Mapping[str, ProbeResult]) -> Iterator[tuple[str, str]]:
    """Return what the schema and the models list reveal about questions that the documentation leaves open."""
    document = answers["openapi"].value
    schema_operations = operations(document)
    if isinstance(document, dict):
        for name, path in (("a generation", "/generations"), ("an upload", "/files")):
            statuses = sorted(success(schema_operations.get(("post", path), {})))
            if statuses:
                yield "success_status", f"{name}: HTTP {', '.join(statuses)}"
        if fields_ := sorted(answer_fields(document, schema_operations.get(("post", "/files"), {}))):
            yield "file_fields", "by the schema: " + ", ".join(fields_)
        if news := sorted(error_codes(document) - set(ERROR_CODES)):
            yield "error_codes", ", ".join(news)
    keys = {
        str(key)
        for item in entries(answers["models"].value)
        for param in _listed(item.get("params"))
        if isinstance(param, dict)
        for key in param
    }
    if keys:
        yield "param_fields", ", ".join(sorted(keys))


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _limits(answers: list[RawAnswer]) -> Iterator[tuple[str, str]]:
    """Return what the response headers say about rate limits; their absence is an observation, too."""
    names = sorted({name for raw in answers for name in raw.headers if name.startswith("x-ratelimit")})
    if answers:
        yield "rate_headers", ", ".join(names) or "none seen"


def to_json(report: ContractReport) -> dict[str, Any]:
    """Write a report for storage."""
    return asdict(report) | {"checked_at": report.checked_at.isoformat()}


def of_json(value: object) -> ContractReport | None:
    """Read a stored report; None for one in another version's format."""
    if not isinstance(value, dict):
        return None
    names = {field.name for field in fields(Difference)}
    try:
        differences = tuple(
            Difference(**{name: item for name, item in one.items() if name in names}) for one in value["differences"]
        )
        return ContractReport(
            checked_at=datetime.fromisoformat(value["checked_at"]),
            connection=str(value["connection"]),
            simulated=bool(value["simulated"]),
            differences=differences,
            troubles=tuple(map(str, value["troubles"])),
            asked=int(value["asked"]),
            answered=int(value["answered"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
