r"""Prompt templates with placeholders: ``{{variable}}`` and ``{a|b|c}``. Pure text, nothing of models or money.

``\{``, ``\}`` and ``\|`` escape the characters. Substituted values are not parsed again, so a value may contain braces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rivya_core.api.errors import InvalidRequestError
from rivya_core.api.params import invalid

_PIECE: Final = re.compile(r"\\[{}|]|\{\{|\}\}|[{}|]|[^\\{}|]+|\\")
VARIABLE: Final = re.compile(r"[^\W\d][\w -]{0,39}")
LITERAL_HINT: Final = "Write \\{ and \\} for braces that are part of the text"


@dataclass(frozen=True, slots=True)
class Variable:
    """A placeholder ``{{name}}``."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A placeholder with inline alternatives: ``{a|b|c}``."""

    options: tuple[str, ...]


Part = str | Variable | Choice


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed text. ``field``: the input it came from, for error messages."""

    field: str
    parts: tuple[Part, ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, each once, in order."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Variable)))

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The lists of alternatives, in order."""
        return tuple(part for part in self.parts if isinstance(part, Choice))

    def fill(self, values: Mapping[str, str], picks: Sequence[str]) -> str:
        """The text with each variable's value, and one text for each list of alternatives."""
        chosen = iter(picks)
        return "".join(
            part if isinstance(part, str) else values[part.name] if isinstance(part, Variable) else next(chosen)
            for part in self.parts
        )


def parse(text: str, field: str = "prompt") -> Template:
    """Parse a text.

    Raises:
        InvalidRequestError: a brace is not closed or opened, a placeholder is empty, or alternatives are nested; ``field`` names
            the input, and the sentence shows the place.
    """
    pieces = [match.group() for match in _PIECE.finditer(text)]
    parts: list[Part] = []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        if piece == "{{":
            at = _variable(pieces, at, field, parts)
        elif piece == "{":
            at = _choice(pieces, at, field, parts)
        elif piece in {"}", "}}"}:
            raise _wrong(field, f"{_around(pieces, at)} closes a brace that was not opened")
        else:
            _add(parts, _plain(piece))
            at += 1
    return Template(field, tuple(parts))


def escape(text: str) -> str:
    """Escape a text so that ``parse`` finds no placeholder in it."""
    return re.sub(r"[{}|]", lambda match: "\\" + match.group(), text)


def _variable(pieces: Sequence[str], at: int, field: str, parts: list[Part]) -> int:
    end = next((place for place in range(at + 1, len(pieces)) if pieces[place] in {"{", "{{", "}", "}}", "|"}), None)
    if end is None or pieces[end] != "}}":
        raise _wrong(field, f"{_around(pieces, at)} has no closing }}}}")
    name = "".join(pieces[at + 1 : end]).strip()
    if not VARIABLE.fullmatch(name):
        raise _wrong(field, f"{{{{{name}}}}} is no name of a variable: begin with a letter, at most 40 characters")
    parts.append(Variable(name))
    return end + 1


def _choice(pieces: Sequence[str], at: int, field: str, parts: list[Part]) -> int:
    options = [""]
    for place in range(at + 1, len(pieces)):
        piece = pieces[place]
        if piece == "}":
            return _close(options, place, field, parts)
        if piece == "|":
            options.append("")
        elif piece in {"{", "{{", "}}"}:
            raise _wrong(field, f"{_around(pieces, at)} holds braces within braces, or is closed by two")
        else:
            options[-1] += _plain(piece)
    raise _wrong(field, f"{_around(pieces, at)} has no closing }}")


def _close(options: Sequence[str], place: int, field: str, parts: list[Part]) -> int:
    if len(options) == 1:
        word = _short(options[0])
        raise _wrong(
            field, f"{{{word}}} lists one text only: write {{a|b}} for alternatives, {{{{{word}}}}} for a variable"
        )
    parts.append(Choice(tuple(options)))
    return place + 1


def _add(parts: list[Part], text: str) -> None:
    if parts and isinstance(parts[-1], str):
        parts[-1] += text
    else:
        parts.append(text)


def _plain(piece: str) -> str:
    return piece[1:] if len(piece) == 2 and piece[0] == "\\" else piece  # noqa: PLR2004 - a backslash and its character


def _around(pieces: Sequence[str], at: int) -> str:
    return repr(_short("".join(pieces[at:])))


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:29]}…"  # noqa: PLR2004 - fits a sentence


def _wrong(field: str, rule: str) -> InvalidRequestError:
    return invalid(field, rule, LITERAL_HINT)
