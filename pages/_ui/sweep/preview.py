"""Every request that a sweep would send, page by page, with its labels and its full texts."""

from __future__ import annotations

from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import streamlit as st

from pages._ui import layout
from pages._ui.formatting import Badge
from pages._ui.sweep import formatting as sweep_formatting
from rivya_core.lab.experiments.records import Axis
from rivya_core.lab.experiments.sweep import PlannedCell, Sweep

PAGE_ROWS = 12
ROW_PX = 62  # above 4 rem the grid wraps text
HEADER_PX = 36
SHORT = 12
SHORT_PX, LONG_PX = 84, 150
LETTER_PX, TITLE_MARGIN_PX, TITLE_PX = 8, 26, 240


def preview(sweep: Sweep) -> None:
    """Draw the card."""
    cells = sweep.cells
    with st.container(border=True, key="sweep_preview", gap="small"):
        layout.card_head(
            "Every request", Badge(sweep_formatting.counted(len(cells), "combination"), ":material/grid_view:", "gray")
        )
        pages = -(-len(cells) // PAGE_ROWS)
        page = 1
        if pages > 1:
            key = f"sweep_preview_page_{pages}"
            page = min(pages, max(1, int(st.session_state.get(key, 1))))
        first = (page - 1) * PAGE_ROWS
        shown = cells[first : first + PAGE_ROWS]
        settings = {_settings(cell, _varied(sweep)) for cell in cells}
        if len(settings) == 1:
            with st.container(key="muted_shared"):
                st.text(f"All share {settings.pop()}.")
        st.dataframe(
            _table(sweep, shown, settings=bool(settings)),
            hide_index=True,
            row_height=ROW_PX,
            height=HEADER_PX + ROW_PX * len(shown) + 2,
            column_config=_columns(sweep),
            alt="Every request of this sweep with its labels and its prompt",
            key="sweep_preview_table",
        )
        if pages > 1:
            with st.container(
                horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="muted_preview"
            ):
                st.pagination(pages, key=key)
                st.text(f"{first + 1:,} to {first + len(shown):,} of {len(cells):,}", width="content")


def _varied(sweep: Sweep) -> set[str]:
    return {axis.name for axis in sweep.axis_names}


def _table(sweep: Sweep, cells: tuple[PlannedCell, ...], *, settings: bool) -> pa.Table:
    columns = {"n": pa.array([cell.cell + 1 for cell in cells], pa.int32())}
    for axis in sweep.axis_names:
        columns[f"axis {axis.name}"] = pa.array([cell.labels[axis.name] for cell in cells], pa.string())
    columns["prompt"] = pa.array([cell.request.prompt for cell in cells], pa.string())
    if any(cell.request.params.get("negative_prompt") for cell in cells):
        columns["negative"] = pa.array([str(cell.request.params.get("negative_prompt") or "") for cell in cells])
    if settings:
        columns["settings"] = pa.array([_settings(cell, _varied(sweep)) for cell in cells], pa.string())
    return pa.table(columns)


def _columns(sweep: Sweep) -> dict[str, Any]:
    column = st.column_config
    named = {
        f"axis {axis.name}": column.TextColumn(sweep_formatting.axis(axis.name), width=width_px(axis))
        for axis in sweep.axis_names
    }
    return {
        "n": column.NumberColumn("No.", width=48),
        **named,
        "prompt": column.TextColumn("Prompt as sent", width="large"),
        "negative": column.TextColumn("Negative prompt", width=170),
        "settings": column.TextColumn("Settings", width=170),
    }


def width_px(axis: Axis) -> int:
    """Choose a column's width so that its title is read whole and its values mostly."""
    values_px = LONG_PX if max(map(len, axis.labels)) > SHORT else SHORT_PX
    title_px = LETTER_PX * len(sweep_formatting.axis(axis.name)) + TITLE_MARGIN_PX
    return max(values_px, min(title_px, TITLE_PX))


def _settings(cell: PlannedCell, varied: set[str]) -> str:
    """Write what all cells share of the parameters; what varies has a column of its own."""
    shared = sweep_formatting.settings(cell.request.wire_params(), {"negative_prompt", *varied})
    parts = [shared] if shared else []
    if cell.request.image is not None and "reference_image" not in varied:
        parts.append(f"Reference image {cell.request.image.original_name or cell.request.image.name}")
    return " · ".join(parts)
