"""What Streamlit's text areas and number fields lack: what is typed is committed while typing, and Ctrl+Enter generates with the fresh text.

Without it the counter, the price and the draft would lag until the box loses focus, and a shortcut pressed right after
typing would meet a button that is still disabled.

In: ``form``, ``sends``, ``seals`` (of the committed texts, by box) and ``answers``. Out: the trigger ``send``, a moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pages._ui.components import component, seal

_component = component("keyboard_submit", shared=("seal",))
NO_TEXTS: Mapping[str, str] = {}


def keyboard_submit(
    form: str,
    on_send: Callable[[], None] | None,
    *,
    key: str,
    texts: Mapping[str, str] = NO_TEXTS,
    answers: Sequence[str] = (),
) -> None:
    """Watch the text areas and number fields of the keyed container ``form``; ``on_send`` runs when Ctrl+Enter (or ⌘ Enter) is pressed in it.

    Without ``on_send`` nothing is sent by the keyboard, and nothing says so. ``texts``: the committed text of each box by
    its widget key. ``answers``: keys of containers that speak of exactly these texts; they are not seen while a box holds
    another one.
    """
    data = {
        "form": form,
        "sends": on_send is not None,
        "seals": {box: seal(text) for box, text in texts.items()},
        "answers": list(answers),
    }
    _component(key=key, data=data, on_send_change=on_send or _nothing, width="content")


def _nothing() -> None:
    """Streamlit offers a trigger only together with a callback."""
