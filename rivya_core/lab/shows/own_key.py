"""Guard of everything that leaves a lab: it must not contain the API key, even if typed into a prompt, a name or a caption."""

from __future__ import annotations

from rivya_core.api.errors import LabError
from rivya_core.settings import Settings


def refuse_key(settings: Settings, words: str) -> None:
    """Raise LabError when the API key of this lab stands in what is about to be handed over."""
    key = settings.api_key
    if key is not None and key.get_secret_value() in words:
        raise LabError(
            "Nothing was handed over",
            "A prompt, name or caption of it holds the API key.",
            "Take it out, or leave that clip out.",
            field="key",
        )
