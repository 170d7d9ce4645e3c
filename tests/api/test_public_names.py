"""The room's public names are those it lists, and importing it costs what a client costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

import rivya_core.api as room
from rivya_core.api import AsyncRivya, Rivya, errors


def test_the_list_is_sorted_and_every_name_is_there() -> None:
    """``__all__`` is the truth, in order, without doubles."""
    names = vars(room)["__all__"]
    assert names == sorted(set(names))
    assert set(names) <= set(dir(room))
    assert all(getattr(room, name) is not None for name in names)
    with pytest.raises(AttributeError):
        room.no_such_name  # type: ignore[attr-defined]  # noqa: B018 - the access is the test, and mypy sees it too


def test_every_error_is_public_and_drawn_in_the_tree() -> None:
    """The tree at the top of ``errors`` shows each class, and the room exports it."""

    def below(kind: type[errors.RivyaError]) -> Iterator[type[errors.RivyaError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    for kind in below(errors.RivyaError):
        if kind.__module__ == errors.__name__:
            assert kind.__name__ in (errors.__doc__ or "")
            assert getattr(room, kind.__name__) is kind


def test_both_clients_have_the_same_methods() -> None:
    """They differ only in ``await``; the async close has the customary name."""
    names = {name for name in dir(Rivya) if not name.startswith("_")} - {"close"}
    assert names == {name for name in dir(AsyncRivya) if not name.startswith("_")} - {"aclose"}


@pytest.mark.process
def test_a_blocking_client_loads_neither_images_nor_the_async_transport() -> None:
    """What is not used is not loaded."""
    code = (
        "import sys; from rivya_core.api import GenerationRequest, Rivya; GenerationRequest(prompt='x').body();"
        "print(sorted({'PIL', 'aiohttp', 'av', 'sqlalchemy', 'dbos', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
