"""What is known of one generation, in tabs: settings, notes, timeline, billing, and what went over the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import formatting, layout
from pages._ui.components.fact_list import Fact, fact_list
from pages._ui.components.thumbnail import thumbnail
from pages._ui.components.timeline import timeline
from pages._ui.history import exchange, notes
from pages._ui.history.timeline import moments
from rivya_core import GenerationRecord, Lab
from rivya_core.api import packaged_models
from rivya_core.lab.ledger.records import MovementRecord
from rivya_core.mode_words import UNITS

SETTLED = {
    "reserved": "Reserved; not settled yet",
    "provisional": "Provisional: Rivya has not named the final figure yet; it is asked for again by itself",
    "settled": "Settled by Rivya",
    "released": "Released: nothing is held for it",
}

MOVED = {
    "reserve": "Booked: hold",
    "adjust": "Booked: change",
    "settle": "Booked: settle",
    "release": "Booked: release",
}


TAB = "tab"
"""Widget key of the open tab and its name in the address: it stays open while one looks through the rows."""


def draw(lab: Lab, record: GenerationRecord) -> None:
    """Draw the open tab of a generation; the others cost nothing until they are asked for."""
    settings, written, times, money, wire = st.tabs(
        ["Settings", "Notes", "Timeline", "Billing", "API log"], key=TAB, bind="query-params"
    )
    if settings.open:
        with settings:
            _settings(record)
    elif written.open:
        with written:
            notes.draw(lab, record)
    elif times.open:
        with times:
            timeline(moments(record, lab.events(record.id)), key=f"detail_time_{record.id}")
    elif money.open:
        with money:
            _money(record, lab.movements(record.id))
    elif wire.open:
        with wire:
            exchange.draw(record, lab.events(record.id))


def _settings(record: GenerationRecord) -> None:
    st.caption("Prompt")
    st.code(record.prompt, language=None, wrap_lines=True)
    if record.negative_prompt:
        st.caption("Negative prompt")
        st.code(record.negative_prompt, language=None, wrap_lines=True)
    spec = packaged_models().get(record.model)
    lines = [Fact("Model", spec.display_name if spec else record.model, record.model if spec else "")]
    for name, value in record.params.items():
        param = spec.param(name) if spec else None
        if name != "negative_prompt" and not isinstance(value, Mapping | list):
            lines.append(Fact(param.label if param else name, _value(name, value)))
    lines += [Fact("Clip", _clip(record)), Fact("Take", str(record.take)), Fact("Started by", _source(record))]
    fact_list(lines, key=f"detail_settings_{record.id}")
    if record.asset_sha256:
        _reference(record, record.asset_sha256)


def _value(name: str, value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} s" if name == "duration" else text


def _clip(record: GenerationRecord) -> str:
    if not record.has_clip or record.clip_width_px is None:
        return ""
    size = f"{(record.clip_bytes or 0) / 1e6:.1f} MB"
    return (
        f"{record.clip_width_px} by {record.clip_height_px} px · {record.clip_duration_s or 0:.1f} s · "
        f"{record.clip_fps or 0:g} frames/s · {size}"
    )


def _source(record: GenerationRecord) -> str:
    made = {"page": "this dashboard", "script": "a script", "example": "the first start (an example)"}
    where = made.get(record.source, record.source)
    return where if record.person is None else f"{record.person} · {where}"


def _reference(record: GenerationRecord, sha256: str) -> None:
    sent = record.request.get("reference_image")
    image: Mapping[str, Any] = sent if isinstance(sent, Mapping) else {}
    st.caption("Reference image")
    thumbnail(sha256, f"Reference image {image.get('name', '')}", key=f"detail_reference_{record.id}")
    asset = layout.lab().ledger.assets.find(sha256)
    told = asset.told.removeprefix("sent ") if asset is not None else ""
    size = f"{image.get('width_px')} by {image.get('height_px')} px" if image.get("width_px") else ""
    fact_list(
        [
            Fact("File", str(image.get("name", ""))),
            Fact("Size", " · ".join(part for part in (size, str(image.get("mime", ""))) if part)),
            *([Fact("Sent", told)] if told else []),
        ],
        key=f"detail_reference_facts_{record.id}",
    )


def _money(record: GenerationRecord, moves: Sequence[MovementRecord]) -> None:
    fact_list(
        [
            Fact("Expected", formatting.credits(record.expected_credits)),
            Fact("Reserved", _figure(record.reserved_credits, "Rivya has not said yet")),
            Fact("Final", _figure(record.final_credits, "Rivya has not said yet")),
            Fact("Counted here", formatting.credits(record.held_credits), SETTLED[record.settlement]),
            *(
                Fact(
                    MOVED.get(move.kind, move.kind),
                    f"{move.credits:+,} credits" + (" (provisional)" if move.provisional else ""),
                    f"{formatting.clock(move.at, seconds=True, today=False)} · {move.reason}",
                )
                for move in moves
            ),
        ],
        key=f"detail_credits_{record.id}",
    )
    fact_list(
        [
            Fact("Generation", record.id, copy=True),
            Fact("Task id", record.task_id or "", copy=True),
            *([Fact("Same task as", record.duplicate_of, copy=True)] if record.duplicate_of else []),
            Fact("Request id", record.request_id or "", copy=True),
            Fact("Idempotency key", record.idempotency_key, copy=True),
            Fact("Client request id", record.sent_trace_id or record.client_request_id or "", copy=True),
            Fact(
                "Connection",
                record.connection,
                "The key of it: " + record.key_fingerprint if record.key_fingerprint else "",
            ),
            Fact("Clip SHA-256", record.clip_sha256 or "", copy=True),
        ],
        key=f"detail_ids_{record.id}",
    )
    if record.mode == "simulated":
        st.caption(f"These are {UNITS[record.mode_word]}: nothing of a real account was touched.")


def _figure(number: int | None, unknown: str) -> str:
    return unknown if number is None else formatting.credits(number)
