"""Validation of texts that people enter, before they are stored."""

from __future__ import annotations

from rivya_core.api.errors import LabError
from rivya_core.api.texts import cannot_be_kept, name_trouble, shows_nothing


def checked_text(field: str, text: object) -> str:
    """Return a text that can be stored. Raises LabError with ``field``: it is no text, or not valid UTF-8."""
    valid = _text(field, text)
    fault = cannot_be_kept(valid)
    if fault is not None:
        hint = "Type that character again, or remove it."
        raise LabError("The text is not usable", f"{field}: it holds {fault}, which cannot be kept.", hint, field=field)
    return valid


def checked_person(field: str, name: object, longest: int) -> str:
    """Return a person's name on one line; empty when it is invisible.

    Raises:
        LabError: it is too long or no name; named after the field.
    """
    line = " ".join(_text(field, name).split())
    if shows_nothing(line):
        return ""
    if len(line) > longest:
        raise LabError("The name is too long", f"It has {len(line):,} characters of {longest}.", field=field)
    trouble = name_trouble(line)
    if trouble is not None:
        raise LabError("The name is not usable", f"It {trouble[0]}.", f"{trouble[1]}.", field=field)
    return line


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise LabError("The text is not usable", f"{field}: it must be text, not {type(value).__name__}.", field=field)
    return value
