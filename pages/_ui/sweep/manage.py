"""Rename, label and hide a sweep, each with undo, and filter the list by label and hidden."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from pages._ui import direction, formatting, layout, undo
from pages._ui.formatting import Badge
from pages._ui.undo import Done
from rivya_core import Lab
from rivya_core.api.errors import RivyaError
from rivya_core.lab.experiments.records import ExperimentRecord

NAME_SHOWN = 60

BAR = "sweep"
_REFUSED = "_sweep_manage_refused"
_LABEL = "sweep_label"
_HIDDEN = "sweep_hidden"


# -- the list ----------------------------------------------------------------------------------------------------------


def filters(lab: Lab) -> tuple[str | None, bool]:
    """Draw what the list can be narrowed to, where there is something: a label, the hidden ones. What is chosen."""
    labels = list(lab.labels.all("sweep"))
    hides_some = hides(lab)
    if st.session_state.get(_LABEL) not in labels:
        st.session_state[_LABEL] = None
    if not labels and not hides_some:
        return None, False
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweep_filters", gap="medium"):
        if labels:
            st.selectbox("Label", labels, key=_LABEL, placeholder="All labels", width=240, on_change=_first_page)
        hidden = hides_some and st.toggle("Hidden sweeps", key=_HIDDEN, on_change=_first_page)
    return st.session_state[_LABEL], bool(hidden)


def hides(lab: Lab) -> bool:
    """Tell whether a sweep is hidden."""
    return bool(lab.sweeps.list(limit=1, hidden=True))


def _first_page() -> None:
    st.session_state["sweep_list_page"] = 1


# -- one sweep ---------------------------------------------------------------------------------------------------------


def badges(experiment: ExperimentRecord, labels: Sequence[str]) -> None:
    """Draw whether it is an example, whether it is hidden, and the labels."""
    if experiment.source == "example":
        layout.badge(formatting.EXAMPLE)
    if experiment.hidden_at is not None:
        layout.badge(Badge("Hidden", ":material/visibility_off:", "gray"))
    for label in labels:
        st.badge(formatting.excerpt(label, NAME_SHOWN), icon=":material/label:", color="gray")


def menu(lab: Lab, experiment: ExperimentRecord, given: Sequence[str]) -> None:
    """Draw the menu that renames, labels and hides; ``given``: the labels that it carries."""
    id_ = experiment.id
    name_key, label_key = f"sweep_name_{id_}", f"sweep_labels_{id_}"
    st.session_state[name_key] = experiment.name
    st.session_state[label_key] = list(given)
    with st.popover("Name and labels", icon=":material/edit:", key="sweep_manage"):
        st.text_input("Name", key=name_key, on_change=_rename, args=(id_, name_key))
        st.multiselect(
            "Labels",
            sorted({*lab.labels.all("sweep"), *given}, key=str.casefold),
            key=label_key,
            accept_new_options=True,
            placeholder="Choose or type a label",
            on_change=_relabel,
            args=(id_, label_key, given),
        )
        refused: tuple[str, RivyaError] | None = st.session_state.get(_REFUSED)
        if refused is not None and refused[0] == id_:
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="muted_manage_refused"):
                st.badge("Not changed", icon=":material/info:", color="orange")
                st.text(formatting.sentences(refused[1].detail, refused[1].hint))
        if experiment.hidden_at is None:
            st.button(
                "Hide from the list", icon=":material/visibility_off:", key="sweep_hide", on_click=_hide, args=(id_,)
            )
        else:
            st.button("Show in the list", icon=":material/visibility:", key="sweep_show", on_click=_show, args=(id_,))


def undo_bar() -> None:
    """Draw the last action with undo."""
    undo.draw(BAR)


def _rename(experiment_id: str, key: str) -> None:
    sweeps, wanted = layout.lab().sweeps, str(st.session_state.get(key) or "")

    def rename() -> Done | None:
        before = sweeps.rename(experiment_id, wanted)
        said = f"Renamed. It was called {direction.within(formatting.excerpt(before, NAME_SHOWN))}."
        return None if before == wanted.strip() else Done(said, lambda: sweeps.rename(experiment_id, before))

    _try(experiment_id, rename)


def _relabel(experiment_id: str, key: str, before: Sequence[str]) -> None:
    labels, wanted = layout.lab().labels, [str(one) for one in st.session_state.get(key) or ()]

    def relabel() -> Done | None:
        gone = [one for one in before if one not in wanted and labels.remove("sweep", [experiment_id], one)]
        new = [one for one in wanted if one not in before and labels.add("sweep", [experiment_id], one)]

        def back() -> None:
            for one in new:
                labels.remove("sweep", [experiment_id], one)
            for one in gone:
                labels.add("sweep", [experiment_id], one)

        said = " ".join(
            f"Label {what}: {', '.join(names)}." for what, names in (("added", new), ("removed", gone)) if names
        )
        return Done(said, back) if said else None

    _try(experiment_id, relabel)


def _hide(experiment_id: str) -> None:
    sweeps = layout.lab().sweeps
    sweeps.hide(experiment_id)
    undo.put(BAR, Done("Hidden from the list. What runs goes on.", lambda: sweeps.show(experiment_id)))


def _show(experiment_id: str) -> None:
    sweeps = layout.lab().sweeps
    sweeps.show(experiment_id)
    undo.put(BAR, Done("Shown in the list again.", lambda: sweeps.hide(experiment_id)))


def _try(experiment_id: str, act: Callable[[], Done | None]) -> None:
    st.session_state.pop(_REFUSED, None)
    try:
        done = act()
    except RivyaError as error:
        st.session_state[_REFUSED] = (experiment_id, error)
        return
    if done is not None:
        undo.put(BAR, done)
