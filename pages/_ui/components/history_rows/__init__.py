"""The rows of History: a table with a box before each row, the same rows as a list on a narrow screen, or as posters.

What is ticked stays in the browser's tab, also while other pages of the table are shown, so that a tick costs no run of the
page. An action hands over the ids it is for.

In: the arguments of :func:`history_rows` and the limits of what can be done with many. Out: the triggers ``open`` (an id) and
``act`` (``act``, ``ids``, ``label``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from pages._ui.compare_limits import LEAST, MOST
from pages._ui.components import component
from rivya_core.web.clip_archive import CLIPS_MAX

View = Literal["list", "gallery"]

_PARTS = ("elements", "rows", "selection", "action_bar")
_component = component("history_rows", shared=("addresses", "hover_play", *(f"history_rows/{part}" for part in _PARTS)))


class Row(TypedDict):
    """One row, in words. ``name`` tells it from all others to somebody who hears it; ``sweep``: name, address and id."""

    id: str
    name: str
    prompt: str
    favorite: bool
    labels: Sequence[str]
    marks: str
    state: str
    tone: str
    mode: str
    modeTone: str
    sweep: Sequence[str]
    made: str
    credits: str
    settings: str
    took: str
    poster: str | None
    clip: str


def history_rows(
    rows: Sequence[Row],
    *,
    opened: str | None,
    view: View,
    labels: Sequence[str],
    shows: Sequence[tuple[str, str]],
    gone: Sequence[str],
    may_write: bool,
    may_delete: bool,
    may_record: bool,
    on_open: Callable[[], None],
    on_act: Callable[[], None],
    key: str,
) -> None:
    """Draw the rows.

    Args:
        rows: One page of them, in their order.
        opened: Id of the generation that is shown beside them.
        view: As a table, or as posters that play under the pointer.
        labels: The ones in use, offered while a label is typed.
        shows: What clips can be added to: id and title.
        gone: Ids that can no longer be selected.
        may_write: Whether favorites and labels are offered.
        may_delete: Whether deleting is.
        may_record: Whether a cassette of what is ticked is offered.
        on_open: Called when a row was opened; its id is the state's ``open``.
        on_act: Called when an action was pressed; the state's ``act`` is a mapping with ``act``, ``ids`` and ``label``, which for a show is its id.
        key: Of the component's state.
    """
    data: Mapping[str, Any] = {
        "rows": rows,
        "opened": opened,
        "view": view,
        "labels": labels,
        "shows": [list(one) for one in shows],
        "gone": gone,
        "mayWrite": may_write,
        "mayDelete": may_delete,
        "mayRecord": may_record,
        "zipMax": CLIPS_MAX,
        "least": LEAST,
        "most": MOST,
    }
    _component(key=key, data=data, on_open_change=on_open, on_act_change=on_act)
