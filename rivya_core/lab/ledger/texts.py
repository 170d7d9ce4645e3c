"""Validation of texts that people enter, before they are stored."""

from __future__ import annotations

from rivya_core.api.errors import LabError
from rivya_core.api.texts import cannot_be_kept, name_trouble, shows_nothing


def checked_text(field: str, text: object) -> str:
    """Return a text that can be kept. Raises LabError, named after the field: it is none, or no file can hold it."""
    kept = _text(field, text)
    found = cannot_be_kept(kept)
    if found is not None:
        hint = "Type that character again, or remove it."
        raise LabError("The text is not usable", f"{field}: it holds {found}, which cannot be kept.", hint, field=field)
    return kept


def checked_person(field: str, name: object, longest: int) -> str:
    """Return a person's name in one line, empty when nothing of it is seen.

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


def _text(field: str, given: object) -> str:
    if not isinstance(given, str):
        raise LabError("The text is not usable", f"{field}: it must be text, not {type(given).__name__}.", field=field)
    return given
