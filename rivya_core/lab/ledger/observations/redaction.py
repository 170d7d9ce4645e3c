"""Redaction rules for everything in a support bundle: no key, no local path, no URL beyond its host, no prompt unless opted in.

Without the opt-in, text that is not ours is filtered word by word against an allow-list: a word is kept only if it belongs to
a fixed vocabulary and occurs in no prompt. An allow-list, because a quoted prompt may arrive cut, escaped, encoded, or in
other letters or another case.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from rivya_core.api.catalogue import packaged_models
from rivya_core.api.contract import API_PREFIX, ERROR_CODES, SCOPES, TaskStatus
from rivya_core.lab.ledger.states import State

KEY: Final = "[key]"
PATH: Final = "[path]"
LEFT_OUT: Final = "[left out]"
WORD_OUT: Final = "…"
DIGITS_MAX: Final = 6
WRAPS_MAX: Final = 4  # JSON in JSON in an address, and one more
PIECE: Final = 8  # this many characters of a key in a row are no coincidence

_KEYS = re.compile(r"(?:rvya_sk_|whsec_|Bearer\s+)[^\s\"'<>]+", re.IGNORECASE)
_URLS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_PATHS = re.compile(r"(?<![\w/.:])(?:~|[A-Za-z]:)?(?:[/\\][^\s/\\\"'<>:,;]+){2,}[/\\]?")
_LONG = re.compile(r"[\w-]{8,}")
_QUERIES = re.compile(r"\?[^\s\"'<>=]*=[^\s\"'<>]*")
_SIGNATURES = re.compile(r"[\w.-]*(?:sig|signature|token|credential|policy|expires)=[^\s&\"'<>]+", re.IGNORECASE)
_ESCAPES = re.compile(r"\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|([/\\]))", re.IGNORECASE)
_NUMBERS = re.compile(r"(?:\b\d{1,6}\b[^\w]{1,3}){7,}\d+")
_FOREIGN = re.compile(r"[^\x00-\x7f…]+")
_TOKENS = re.compile(r"[^\W_]+(?:_[^\W_]+)*", re.UNICODE)

_PLAIN = """
a an the of to in on at for from with without by as is are was were be been being has have had do does did not no nor and or
if then than that this these those it its there here when while until after before since again still already yet only also
must may might can could cannot should would will need needs needed use used using try tried set send sent get got give given
take taken make made find found read look ask asked answer answers came come goes gone went stop stopped wait waits waiting
again once twice more less most least many few some any all each every other another same new old first last next
invalid valid unknown missing required optional allowed denied refused rejected failed failure error errors warning fault
bad wrong empty null none true false too long short large small high low many maximum minimum limit limits exceeded exceeds
request requests response message code status value values field fields type types number numbers string text integer range
between param params parameter parameters option options default model models task tasks generation generations clip clips
video image images file files upload uploaded url address key account credits credit balance wallet price charged charge
reserved final server service internal upstream gateway timeout timed out connection network rate window later retry
phase step create poll fetch upload settle submit live simulated person hold release adjust paused running queue why task_status
nobody knows whether accepted this sent times minutes clear arrived connection broke timed rivya says said had otherwise own
base longer larger smaller characters reference listed names named offered also chosen settings setting compared nothing
support content policy moderation safety filter blocked not_allowed unsupported format size bytes mb seconds minutes hours
days api public id ids http https json body header created accepted queued processing succeeded cancelled expired revoked
"""
"""Words of error messages that reveal nothing of a prompt; those of the contract are added."""


@cache
def vocabulary() -> frozenset[str]:
    """Return every allowed word, in lower case."""
    ours = [_PLAIN, *ERROR_CODES, *SCOPES, *(status.value for status in TaskStatus), *(state.value for state in State)]
    for code in ERROR_CODES.values():
        ours += [code.title, code.hint]
    for name, spec in packaged_models().items():
        ours += [name, *(param.key for param in spec.params)]
    return frozenset(word for text in ours for word in words_of(text))


def words_of(text: str) -> list[str]:
    """Return the words of a text in normalized form, lower case; compound words also by their parts."""
    tokens = [token.casefold() for token in _TOKENS.findall(unicodedata.normalize("NFKC", text))]
    return tokens + [part for token in tokens if "_" in token for part in token.split("_")]


def unwrapped(value: str) -> str:
    """Decode the escapes of a text (JSON, URL, HTML), so that none of them can bypass a rule."""
    for _ in range(WRAPS_MAX):
        plain = _ESCAPES.sub(_character, value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        plain = unquote(html.unescape(plain))
        if plain == value:
            break
        value = plain
    return value


def _character(match: re.Match[str]) -> str:
    return match[3] or chr(int(match[1] or match[2], 16))


class Redactor:
    """Redact values.

    ``secrets``: texts removed wherever they occur (the API key). ``prompts``: texts of which nothing may be visible, or None
    when the person opted in to include them.
    """

    def __init__(self, secrets: Iterable[str], prompts: Iterable[str] | None) -> None:
        self._secrets = [secret for secret in secrets if secret]
        self._pieces = frozenset(piece for secret in self._secrets for piece in _pieces(secret))
        self._hides = prompts is not None
        self._hidden = frozenset(word for prompt in prompts or () for word in words_of(prompt))
        self._homes = sorted({str(Path.home()), str(Path.cwd())} - {"/"}, key=len, reverse=True)

    def text(self, value: str) -> str:
        """Redact a text of unknown origin."""
        clean = self.plain(value)
        if not self._hides:
            return clean
        return _FOREIGN.sub(WORD_OUT, _TOKENS.sub(self._word, _NUMBERS.sub(WORD_OUT, clean)))

    def seen(self, value: str) -> str:
        """Redact an observation of a server: figures and names it chose are kept, unless they are words of a prompt."""
        clean = self.plain(value)
        return _TOKENS.sub(lambda match: WORD_OUT if self._is_quote(match[0]) else match[0], clean)

    def _is_quote(self, token: str) -> bool:
        words = [word for word in words_of(token) if len(word) > 1 and word in self._hidden]
        return self._hides and any(word not in vocabulary() for word in words)

    def plain(self, value: str) -> str:
        """Redact a text that is ours or was opted in: only key, local paths, and URLs beyond their host are removed."""
        value = unwrapped(value)
        for secret in self._secrets:
            value = value.replace(secret, KEY)
        value = strike_keys(value)
        value = _LONG.sub(self._unless_piece, value)
        value = _URLS.sub(lambda match: address(match[0]), value)
        value = _SIGNATURES.sub(WORD_OUT, _QUERIES.sub("?" + WORD_OUT, value))
        for home in self._homes:
            value = value.replace(home, PATH)
        return _PATHS.sub(lambda match: match[0] if match[0].startswith(API_PREFIX) else PATH, value)

    def prompt(self, value: str) -> str:
        """Redact a prompt, or the name of a file."""
        return f"{LEFT_OUT}: {len(value):,} characters" if self._hides else self.plain(value)

    def quotes(self, value: str) -> bool:
        """True when an id that the server chose, or a person typed, contains a word of a prompt."""
        words = words_of(re.sub(r"[-.:]", " ", value))
        return self._hides and any(len(word) > 1 and word in self._hidden for word in words)

    def anything(self, value: object) -> Any:
        """Redact a JSON value whose keys are ours and whose texts are of unknown origin."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {str(name): self.anything(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.anything(item) for item in value]
        return value if value is None or isinstance(value, (bool, int, float)) else self.text(str(value))

    def _unless_piece(self, match: re.Match[str]) -> str:
        return match[0] if self._pieces.isdisjoint(_grams(match[0])) else KEY

    def _word(self, match: re.Match[str]) -> str:
        token = unicodedata.normalize("NFKC", match[0]).casefold()
        parts = token.split("_")
        if token in self._hidden or any(part in self._hidden for part in parts):
            return WORD_OUT
        if token.isascii() and token.isdigit() and len(token) <= DIGITS_MAX:
            return match[0]
        allowed = vocabulary()
        return match[0] if token in allowed or all(part in allowed for part in parts) else WORD_OUT


def strike_keys(value: str) -> str:
    """Remove everything that starts like an API key."""
    return _KEYS.sub(KEY, value)


def _pieces(secret: str) -> set[str]:
    """Return every substring of a key that would help to guess it, except for the prefix that all keys share."""
    return _grams(secret.removeprefix("rvya_sk_"))


def _grams(text: str) -> set[str]:
    folded = text.casefold()
    return {folded[start : start + PIECE] for start in range(len(folded) - PIECE + 1)}


def address(url: str) -> str:
    """Reduce a URL to scheme and host: a path or a query may be a signature that grants access."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return LEFT_OUT
    return f"{parts.scheme}://{host}{port}/…" if host else LEFT_OUT
