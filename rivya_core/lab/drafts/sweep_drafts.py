"""The draft of a sweep: the content of its form, and the experiment id that deduplicates double clicks.

One draft per person, without sign-in one for all; the last writer wins. Reference images are archived as soon as they are
chosen, so the draft survives a reload and a restart with its images.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.texts import one_line, shows_nothing
from rivya_core.lab.drafts.drafts import Draft, DraftImage, full_request, load_image
from rivya_core.lab.experiments import probes, records, templates
from rivya_core.lab.experiments.axes import Labelled
from rivya_core.lab.experiments.records import CellRecord, ExperimentRecord
from rivya_core.lab.experiments.service import new_experiment_id
from rivya_core.lab.experiments.sweep import KINDS, MAX_TAKES, Sweep
from rivya_core.lab.lab import Lab
from rivya_core.lab.people.acting import own

Kind = Literal["param", "prompt", "image", "variable", "model"]

NOTE = "sweep draft"
NAME_MAX = 60
UNNAMED = "Unnamed"

_NAMED = re.compile(rf"^\s*(?P<name>[^=\n]{{1,{NAME_MAX}}}?)\s+=(?:\s+|$)(?P<value>.*)$")

_KINDS: dict[str, Kind] = {
    "param": "param",
    "prompt": "prompt",
    "reference_image": "image",
    "variable": "variable",
    "model": "model",
}


@dataclass(frozen=True, slots=True)
class AxisDraft:
    """One axis as typed: ``text`` with one value a line, the chosen ``options`` of a select, or ``images``.

    ``key``: of the parameter, or the name of the variable. ``bare``: of images, also a cell without one.
    """

    kind: Kind
    key: str = ""
    text: str = ""
    options: tuple[str, ...] = ()
    images: tuple[DraftImage, ...] = ()
    bare: bool = False

    @property
    def name(self) -> str:
        """The axis as a sweep calls it."""
        return {"prompt": "prompt", "image": "reference_image", "model": "model"}.get(self.kind, self.key)

    @property
    def id(self) -> str:
        """Identity of an axis within a draft: each thing is varied once."""
        return f"{self.kind}:{self.key}" if self.key else self.kind


@dataclass(frozen=True, slots=True)
class SweepDraft:
    """The content of the form. ``id``: of the experiment it becomes; ``base``: the request that every cell starts from.

    ``parent_id``: the experiment it extends; ``kind``: the kind of that one.
    """

    id: str = field(default_factory=new_experiment_id)
    name: str = ""
    question: str = ""
    base: Draft = field(default_factory=Draft)
    axes: tuple[AxisDraft, ...] = ()
    paired: bool = False
    takes: int = 1
    cap_credits: int | None = None
    parent_id: str | None = None
    kind: records.Kind = "sweep"

    @property
    def variables(self) -> tuple[str, ...]:
        """The ``{{names}}`` in prompt and negative prompt, and in the variants of both, each once, in order."""
        texts = [self.base.prompt, str(self.base.values.get("negative_prompt") or "")]
        for axis in self.axes:
            if axis.name in {"prompt", "negative_prompt"}:
                texts += [value for _, value in named_values(axis.text)]
        return tuple(dict.fromkeys(name for text in texts for name in _variables(text)))

    @property
    def is_empty(self) -> bool:
        """True while nothing worth keeping was entered."""
        return not (self.name or self.question or not shows_nothing(self.base.prompt) or self.axes)

    def same_form(self, other: SweepDraft) -> bool:
        """Return whether two drafts have the same content; ids do not count."""
        return replace(self, id="", base=replace(self.base, intent=None)) == replace(
            other, id="", base=replace(other.base, intent=None)
        )

    def to_mapping(self) -> dict[str, Any]:
        """Write the draft as JSON-safe data."""
        return asdict(replace(self, base=Draft())) | {"base": self.base.to_mapping()}

    @classmethod
    def from_mapping(cls, data: Mapping[str, Any] | None) -> SweepDraft:
        """Read a stored draft; unusable values are replaced by defaults, so that an old draft never breaks a page."""
        if not data:
            return cls()
        takes, cap = data.get("takes"), data.get("cap_credits")
        try:
            return cls(
                id=str(data.get("id") or new_experiment_id()),
                name=str(data.get("name") or ""),
                question=str(data.get("question") or ""),
                base=Draft.from_mapping(data.get("base")),
                axes=tuple(_axis(axis) for axis in data.get("axes") or ()),
                paired=bool(data.get("paired")),
                takes=takes if isinstance(takes, int) and 1 <= takes <= MAX_TAKES else 1,
                cap_credits=cap if isinstance(cap, int) and cap >= 0 else None,
                parent_id=str(data["parent_id"]) if data.get("parent_id") else None,
                kind=data["kind"] if data.get("kind") in KINDS else "sweep",
            )
        except (KeyError, TypeError, ValueError):
            return cls()


def load(lab: Lab) -> SweepDraft:
    """Read the draft: of the person whose lab it is; without sign-in one for all."""
    return SweepDraft.from_mapping(lab.ledger.key_value.get(own(NOTE, lab.person)))


def save(lab: Lab, draft: SweepDraft) -> None:
    """Save the draft; the last writer wins."""
    lab.save_draft(draft.to_mapping(), sweep=True)


def to_sweep(lab: Lab, draft: SweepDraft) -> Sweep:
    """Build the sweep of a draft; without a name it is called ``UNNAMED``, so that it can be previewed.

    The draft of a probe stays a probe while it varies nothing but its parameter.

    Raises:
        InvalidRequestError: a field, a value or a combination breaks a rule; ``field`` names the input or the axis.
        StorageError: an image is no longer in the archive.
    """
    base = draft.base
    if shows_nothing(base.prompt):
        variants = [named_values(axis.text) for axis in draft.axes if axis.kind == "prompt"]
        base = replace(base, prompt=next((value for values in variants for _, value in values), ""))
    sweep = Sweep(
        name=draft.name or UNNAMED,
        question=draft.question,
        base=full_request(base, lab),
        axes={axis.name: _values(lab, axis, base) for axis in draft.axes},
        takes=draft.takes,
        cap_credits=draft.cap_credits,
        paired=draft.paired,
        parent_id=draft.parent_id,
    )
    kind = probes.kind_of(draft.kind, sweep)
    return sweep if kind == sweep.kind else replace(sweep, kind=kind)


def of_experiment(experiment: ExperimentRecord, cells: Sequence[CellRecord]) -> SweepDraft:
    """Build a draft that repeats and extends an experiment. ``cells``: where its images are recorded."""
    images = {image["sha256"]: image for cell in cells if (image := cell.request.get("reference_image"))}
    spec = experiment.spec
    base = dict(spec["base"])
    params = dict(base.get("params") or {})
    own = base.get("reference_image")
    return SweepDraft(
        name=one_line(experiment.name),
        question=one_line(experiment.question),
        base=Draft(base["model"], base["prompt"], params, image=None if own is None else _draft_image(own)),
        axes=tuple(_of_axis(axis, images) for axis in spec["axes"] if axis["target"] in _KINDS),
        paired=bool(spec.get("paired")),
        takes=experiment.takes,
        cap_credits=experiment.cap_credits,
        parent_id=experiment.id,
        kind=experiment.kind,
    )


def named_values(text: str, *, commas: bool = False) -> list[tuple[str, str]]:
    """Parse values typed one per line, as ``name = value`` or the value alone, then with an empty name.

    ``commas``: commas separate values, too; for numbers.
    """
    lines = re.split(r"[\n,;]", text) if commas else text.split("\n")
    values = []
    for line in lines:
        if shows_nothing(line):
            continue
        named = _NAMED.match(line)
        values.append((named["name"].strip(), named["value"].strip()) if named else ("", line.strip()))
    return values


def written_values(values: list[tuple[str, str]]) -> str:
    """Format values as they are typed, one per line."""
    return "\n".join(f"{name} = {value}" if name else value for name, value in values)


def _values(lab: Lab, axis: AxisDraft, base: Draft) -> list[Any]:
    param = base.spec.param(axis.key) if axis.kind == "param" else None
    if axis.kind == "image":
        images: list[Any] = [load_image(lab, image.sent) for image in axis.images]
        return [None, *images] if axis.bare else images
    if axis.kind == "model":
        return list(axis.options)
    if param is not None and param.type == "select":
        return [option for option in param.options if option in axis.options]
    if param is not None and param.type == "number":
        return [Labelled(_number(value), name) for name, value in named_values(axis.text, commas=True)]
    return [Labelled(value, name) for name, value in named_values(axis.text)]


def _of_axis(axis: Mapping[str, Any], images: Mapping[str, Mapping[str, Any]]) -> AxisDraft:
    kind, name, values = _KINDS[axis["target"]], str(axis["name"]), axis["values"]
    key = name if kind in {"param", "variable"} else ""
    if kind == "image":
        named = zip(axis["labels"], values, strict=True)
        labelled = [(label, images.get(value["image"]["sha256"])) for label, value in named if value]
        present = [_draft_image({**image, "original_name": label}) for label, image in labelled if image is not None]
        return AxisDraft(kind, images=tuple(present), bare=None in values)
    plain = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    written = [
        ("" if label == value or label.endswith("…") else label, value)
        for label, value in zip(axis["labels"], plain, strict=True)
    ]
    return AxisDraft(kind, key, text=written_values(written), options=tuple(plain))


def _draft_image(recorded: Mapping[str, Any]) -> DraftImage:
    image = Draft.from_mapping({"image": {"prepared": {"size_bytes": 0, **recorded}}}).image
    if image is None:
        raise ValueError("a recorded image that cannot be read")
    return image


def _number(text: str) -> float | str:
    """Parse a typed number; anything else is returned unchanged, for the request's validation to refuse."""
    try:
        return float(text)
    except ValueError:
        return text


def _variables(text: str) -> tuple[str, ...]:
    """Return the variables of a text; none while it does not parse, which its own validation reports."""
    try:
        return templates.parse(text).variables
    except InvalidRequestError:
        return ()


def _axis(data: Mapping[str, Any]) -> AxisDraft:
    kind = data["kind"]
    if kind not in get_args(Kind):
        raise ValueError("an axis of a kind that is not known")
    images = [Draft.from_mapping({"image": image}).image for image in data.get("images") or ()]
    return AxisDraft(
        kind=kind,
        key=str(data.get("key") or ""),
        text=str(data.get("text") or ""),
        options=tuple(str(option) for option in data.get("options") or ()),
        images=tuple(image for image in images if image is not None),
        bare=bool(data.get("bare")),
    )
