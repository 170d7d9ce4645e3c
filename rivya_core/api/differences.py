"""Compare a server's answers with the packaged contract and catalogue, and explain each difference to a user.

Pure. Only what an answer states is compared: something missing or unreadable is no difference. Rivya may add models, optional
fields, optional parameters and error codes at any time (docs/api-openapi-schema), so additions do not ``matter``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rivya_core.api.catalogue import packaged_models
from rivya_core.api.contract import ERROR_CODES
from rivya_core.api.listing import entries, read_model, text, whole
from rivya_core.api.probes import ProbeResult, Question, code_of
from rivya_core.api.specs import ModelSpec, ParamSpec

PRICE: Final = "price"
MODEL: Final = "model"
PROMPT: Final = "prompt"
REFERENCE_IMAGE: Final = "reference_image"
"""Values of ``Difference.param`` for settings that are not model parameters."""

NAMED_MAX = 8
WORD_MAX = 60


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    what: the difference, in one sentence. meaning: its consequence for the user, in one sentence. model, param: the setting
    concerned (a parameter's key, "prompt", "reference_image", "model" or "price"); empty when there is no single one. matters:
    False for what Rivya may add without notice.
    """

    source: Question
    what: str
    meaning: str
    model: str = ""
    param: str = ""
    matters: bool = True


def word(value: object) -> str:
    """Format a value of the server for use in a sentence: on one line, at most ``WORD_MAX`` characters."""
    shown = " ".join(str(value).split())
    return shown if len(shown) <= WORD_MAX else shown[: WORD_MAX - 1] + "…"


def listed(values: object) -> str:
    """Format values as a list of at most ``NAMED_MAX``, followed by the number of others."""
    items = [word(value) for value in values] if isinstance(values, (list, tuple, set, frozenset)) else []
    more = f" and {len(items) - NAMED_MAX} more" if len(items) > NAMED_MAX else ""
    return ", ".join(items[:NAMED_MAX]) + more


def credits_differences(result: ProbeResult) -> Iterator[Difference]:
    """Check the answer of ``GET /credits`` (docs/api-credits)."""
    value = result.value
    if not isinstance(value, dict) or result.trouble:
        return
    balance = value.get("current_credits")
    if isinstance(balance, bool) or not isinstance(balance, int):
        yield Difference(
            "credits",
            "GET /credits gives no whole number as current_credits.",
            "The balance may be shown wrongly or not at all; set a daily cap, which holds all the same.",
        )


def task_differences(result: ProbeResult) -> Iterator[Difference]:
    """Check the answer to an unknown task id, documented as HTTP 404 with ``not_found`` (docs/api-errors-and-limits)."""
    if result.trouble:
        return
    code = code_of(result.value)
    if result.http_status is not None and result.http_status < 300:  # noqa: PLR2004 - HTTP status
        yield Difference(
            "task",
            f"A task id that does not exist is answered with success (HTTP {result.http_status}).",
            "A wrong task id cannot be told from a task that runs. Check an id before you keep it.",
        )
    elif code != "not_found" or result.http_status != 404:  # noqa: PLR2004 - HTTP status
        answered = f"HTTP {result.http_status}" + (f", code {word(code)}" if code else ", without a code")
        yield Difference(
            "task",
            f"A task id that does not exist is answered with {answered}; documented is HTTP 404, not_found.",
            "A missing task may be read again and again instead of being called missing. Nothing is charged for that.",
        )


def models_differences(result: ProbeResult) -> Iterator[Difference]:
    """Compare the list of models with the packaged catalogue."""
    if result.value is None or result.trouble:
        return
    offered = {name: item for item in entries(result.value) if (name := text(item.get("id")))}
    shipped = packaged_models()
    removed = [name for name in shipped if name not in offered]
    if len(removed) == len(shipped):
        yield Difference(
            "models",
            "The list of models names none of the models that are shipped here.",
            "It cannot be compared. Prices and limits here are those of the documentation of May 2026.",
        )
        return
    for name in removed:
        yield Difference(
            "models",
            f"{name} is not in the list of models any more.",
            "A generation with it may be refused; nothing is charged then.",
            model=name,
            param=MODEL,
        )
    for name, spec in shipped.items():
        if name in offered:
            yield from entry_differences("models", offered[name], spec)
    news = [name for name, item in offered.items() if name not in shipped and item.get("category") == "video"]
    if news:
        yield Difference("models", f"Also offered: {listed(news)}.", "They cannot be chosen here yet.", matters=False)


def entry_differences(source: Question, item: Mapping[str, object], shipped: ModelSpec) -> Iterator[Difference]:
    """Compare one entry of the models list with the packaged row of the same model."""
    stated = read_model(item, None)
    if stated is None:
        return
    model = shipped.id
    price = whole(item.get("base_credits"))
    if price is not None and price != shipped.base_credits:
        yield Difference(
            source,
            f"{model} has a base price of {price:,} credits; here it is {shipped.base_credits:,}.",
            f"Prices here say {shipped.base_credits:,} until the first clip tells what is really reserved.",
            model=model,
            param=PRICE,
        )
    if stated.billing_type and stated.billing_type != shipped.billing_type:
        yield Difference(
            source,
            f"{model} is billed as {word(stated.billing_type)}; here it is {shipped.billing_type}.",
            "The price of a clip may no longer be known before it is made.",
            model=model,
            param=PRICE,
        )
    if not stated.is_callable:
        yield Difference(
            source,
            f"{model} is {word(stated.api_status).replace('_', ' ')}.",
            "The API does not take it now. A generation is refused; nothing is charged.",
            model=model,
            param=MODEL,
        )
    cap = stated.max_prompt_length
    if cap is not None and cap != shipped.max_prompt_length:
        shown = "no limit" if shipped.max_prompt_length is None else f"{shipped.max_prompt_length:,}"
        tighter = shipped.max_prompt_length is None or cap < shipped.max_prompt_length
        yield Difference(
            source,
            f"A prompt may have {cap:,} characters; here the limit is {shown}.",
            "A longer prompt may be refused or cut." if tighter else "A longer prompt is refused here all the same.",
            model=model,
            param=PROMPT,
        )
    yield from _reference_differences(source, stated, shipped)
    yield from _params_differences(source, stated, shipped)


def _reference_differences(source: Question, stated: ModelSpec, shipped: ModelSpec) -> Iterator[Difference]:
    theirs, ours = stated.reference, shipped.reference
    if theirs is None or ours is None:
        return
    if theirs.max_items != ours.max_items:
        yield Difference(
            source,
            f"{shipped.id} takes {theirs.max_items} reference files; here at most {ours.max_items}.",
            "An image may be refused; nothing is charged then."
            if theirs.max_items < ours.max_items
            else "Only one is sent.",
            model=shipped.id,
            param=REFERENCE_IMAGE,
        )
    image, packaged = theirs.kinds.get("image"), ours.kinds.get("image")
    if image is not None and packaged is not None and image.max_bytes < packaged.max_bytes:
        yield Difference(
            source,
            f"An image may have {image.max_bytes / 1e6:,.1f} MB; here the limit is {packaged.max_bytes / 1e6:,.1f} MB.",
            "A larger image may be refused; nothing is charged then.",
            model=shipped.id,
            param=REFERENCE_IMAGE,
        )
    refused = (
        []
        if image is None or packaged is None
        else [kind for kind in packaged.mime_types if kind not in image.mime_types]
    )
    if refused:
        yield Difference(
            source,
            f"Images of type {listed(refused)} are not listed any more.",
            "Such an image may be refused; nothing is charged then.",
            model=shipped.id,
            param=REFERENCE_IMAGE,
        )


def _params_differences(source: Question, stated: ModelSpec, shipped: ModelSpec) -> Iterator[Difference]:
    if not stated.params:  # the documented example has an empty list for a model with parameters
        return
    for ours in shipped.params:
        theirs = stated.param(ours.key)
        if theirs is None:
            yield Difference(
                source,
                f"{ours.key} is not listed for {shipped.id} any more.",
                "It may be ignored, or the generation refused; nothing is charged then.",
                model=shipped.id,
                param=ours.key,
            )
        else:
            for what, meaning, matters in param_words(ours, theirs):
                yield Difference(source, what, meaning, model=shipped.id, param=ours.key, matters=matters)
    for theirs in stated.params:
        if shipped.param(theirs.key) is None:
            yield Difference(
                source,
                f"{shipped.id} also takes {word(theirs.key)}" + (", and demands it." if theirs.required else "."),
                "Generations without it are refused; nothing is charged."
                if theirs.required
                else "It cannot be set here yet; Rivya uses its own default.",
                model=shipped.id,
                param=MODEL if theirs.required else "",
                matters=theirs.required,
            )


def param_words(ours: ParamSpec, theirs: ParamSpec) -> Iterator[tuple[str, str, bool]]:
    """Yield each difference of one parameter: what differs, what that means, whether it matters."""
    if theirs.type != ours.type:
        yield (
            f"{ours.key} is a {theirs.type} at the server, a {ours.type} here.",
            "A value may be refused; nothing is charged then.",
            True,
        )
        return
    removed = [option for option in ours.options if option not in theirs.options]
    more = [option for option in theirs.options if option not in ours.options]
    if removed:
        yield f"{ours.key} no longer lists {listed(removed)}.", "Choosing it may be refused, or changed silently.", True
    if more:
        yield f"{ours.key} also lists {listed(more)}.", "It cannot be chosen here yet.", False
    if theirs.default is not None and theirs.default != ours.default:
        default_text = "nothing" if ours.default is None else word(ours.default)
        yield (
            f"{ours.key} has the default {word(theirs.default)} at the server, {default_text} here.",
            f"Left alone, {'Rivya uses its own default' if ours.default is None else f'it is sent as {default_text}'}.",
            True,
        )
    for name, mine, its in (
        ("smallest value", ours.minimum, theirs.minimum),
        ("largest value", ours.maximum, theirs.maximum),
        ("step", ours.step, theirs.step),
    ):
        if its is not None and its != mine:
            shown = "none" if mine is None else f"{mine:g}"
            yield (
                f"The {name} of {ours.key} is {its:g} at the server, {shown} here.",
                "A value between the two may be refused or changed; nothing is charged for a refusal.",
                True,
            )
    if theirs.required and not ours.required:
        yield f"{ours.key} is demanded.", "Leave it set: without it the generation is refused.", True


def code_differences(codes: set[str]) -> Iterator[Difference]:
    """Compare the error codes that a schema names with those that are known here."""
    news = sorted(codes - set(ERROR_CODES))
    if news:
        yield Difference(
            "openapi",
            f"Error codes that are not known here: {listed(news)}.",
            "Such an error is handled by its HTTP status and shown in Rivya's own words.",
            matters=False,
        )
    if removed := sorted(set(ERROR_CODES) - codes - {"generation_failed"}):
        yield Difference(
            "openapi",
            f"The schema does not name the error codes {listed(removed)}.",
            "They are still understood, should they come.",
            matters=False,
        )
