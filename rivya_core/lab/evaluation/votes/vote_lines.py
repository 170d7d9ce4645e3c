"""Encode a voter's votes as one line of text, and the seeded pair order behind it. Pure; the ballot's page does the same.

A line is ``RV1.<ballot>.<voter>.<marks>.<name>.<seal>``: the voter's number, drawn by their browser, seeds which pairs are
shown in which order on which sides (``deal``), so that one mark per pair, in the order shown, is sufficient. The seal (an
HMAC) detects damage and manual edits. Its key is in the ballot, so it does not stop anyone from forging lines.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from rivya_core.api.errors import LabError
from rivya_core.api.texts import one_line, shows_nothing
from rivya_core.lab.evaluation.votes.votes import WHYS, Outcome

HEAD: Final = "RV1"
PARTS: Final = 6
LINE_MAX: Final = 600
"""Characters; the longest name makes about 420."""

SEAL_LENGTH: Final = 16
VOTER_LENGTH: Final = 12
NAME_MAX: Final = 60
PAIRS_MAX: Final = 20
SIGNS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
_WHY_STEP: Final = 8  # a mark is the outcome's number, plus 8, 16 and 32 for the reasons

Block = tuple[tuple[str, ...], tuple[str, ...]]
"""The clips of two variants in one setting of everything else."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a ballot deals from. ``pairs``: how many each voter sees; ``matches``: of each two variants their blocks."""

    pairs: int
    matches: tuple[tuple[Block, ...], ...]

    def json(self) -> dict[str, Any]:
        """The plan as it is stored and put into the page."""
        return {"pairs": self.pairs, "matches": self.matches}

    @classmethod
    def of_json(cls, data: dict[str, Any]) -> Plan:
        """Read a stored plan."""
        matches = tuple(tuple((tuple(one), tuple(other)) for one, other in blocks) for blocks in data["matches"])
        return cls(data["pairs"], matches)


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says. ``marks``: of each pair in the order shown, its outcome and reasons."""

    ballot: str
    voter: str
    marks: tuple[tuple[Outcome, tuple[str, ...]], ...]
    name: str


def refused(detail: str, hint: str = "Ask the voter for the line again.") -> LabError:
    """Say why a line is not counted."""
    return LabError("This vote is not counted", detail, hint, field="line")


# -- the deal ----------------------------------------------------------------------------------------------------------


def deal(plan: Plan, key: str, ballot: str, voter: str) -> list[tuple[str, str]]:
    """The pairs of one voter, left and right clip, in the order shown.

    Two variants have their turns in random order, each two equally often. The block of a pair is drawn with equal weights,
    every time anew, as in a round in the lab; all pairs of clips of a block come before any comes again.
    """
    chance = _Chance(key, f"deal.{ballot}.{voter}")
    turns: list[int] = []
    clips: dict[tuple[int, int], list[int]] = {}
    dealt = []
    for _ in range(plan.pairs):
        turns = turns or chance.shuffled(len(plan.matches))
        match = turns.pop()
        block = chance.below(len(plan.matches[match]))
        one, other = plan.matches[match][block]
        remaining = clips.get((match, block)) or chance.shuffled(len(one) * len(other))
        clips[match, block] = remaining
        at = remaining.pop()
        pair = (one[at // len(other)], other[at % len(other)])
        dealt.append(pair[::-1] if chance.below(2) else pair)
    return dealt


class _Chance:
    """Draws from a voter's number: equal weights, the same here and in the browser."""

    def __init__(self, key: str, seed: str) -> None:
        self._words = self._stream(key, seed)

    @staticmethod
    def _stream(key: str, seed: str) -> Iterator[int]:
        number = 0
        while True:
            digest = hmac.digest(key.encode(), f"{seed}.{number}".encode(), "sha256")
            yield from (int.from_bytes(digest[at : at + 4], "big") for at in range(0, len(digest), 4))
            number += 1

    def below(self, upper: int) -> int:
        """A number from 0 to below ``most``; words that would favor the small ones are passed over."""
        fair = 2**32 // upper * upper
        return next(word for word in self._words if word < fair) % upper

    def shuffled(self, count: int) -> list[int]:
        """The numbers below ``most`` in random order."""
        order = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order


# -- the line ----------------------------------------------------------------------------------------------------------


def seal(key: str, body: str) -> str:
    """Return the seal of a line: the first 96 bits of its HMAC-SHA256."""
    return urlsafe_b64encode(hmac.digest(key.encode(), body.encode(), "sha256")).decode()[:SEAL_LENGTH]


def digest(line: str) -> str:
    """What tells two lines apart."""
    return hashlib.sha256(line.encode()).hexdigest()


def write(key: str, ballot: str, voter: str, marks: Sequence[tuple[Outcome, Sequence[str]]], name: str = "") -> str:
    """Write a line as the page does."""
    signs = "".join(SIGNS[_number(outcome, whys)] for outcome, whys in marks)
    encoded_name = urlsafe_b64encode(name.encode()).decode().rstrip("=")
    body = f"{HEAD}.{ballot}.{voter}.{signs}.{encoded_name}"
    return f"{body}.{seal(key, body)}"


def ballot_of(line: str) -> str:
    """The ballot a line says it is for. Raises LabError for what cannot be a whole line."""
    if len(line) > LINE_MAX:
        raise refused(f"It is too long: a vote has at most {LINE_MAX} characters.")
    if not line.startswith(f"{HEAD}."):
        raise refused(f"This is no vote. A vote is one line that begins with {HEAD}.", "Copy the whole line.")
    if not set(line) <= {*SIGNS, "."}:
        raise refused("It was damaged: it holds a sign that no vote has.")
    parts = line.split(".")
    if len(parts) < PARTS or len(parts[-1]) < SEAL_LENGTH:
        raise refused("It was shortened: its end is missing.", "Copy the whole line.")
    if len(parts) > PARTS:
        raise refused("It was damaged: it has too many parts.")
    return parts[1]


def read(line: str, key: str, plan: Plan) -> Line:
    """Read a whole line of a ballot. Raises LabError, with the reason, for one that is not as its page wrote it."""
    ballot_of(line)
    body, _, signature = line.rpartition(".")
    if not hmac.compare_digest(seal(key, body), signature):
        raise refused("It was changed or damaged after the vote: its seal does not fit.")
    _, ballot, voter, signs, encoded_name = body.split(".")
    marks = tuple(_mark(sign) for sign in signs)
    if len(marks) != plan.pairs or len(voter) != VOTER_LENGTH:
        raise refused("It does not have the pairs of its ballot.")
    return Line(ballot, voter, marks, _name(encoded_name))


def _number(outcome: Outcome, whys: Sequence[str]) -> int:
    return OUTCOMES.index(outcome) + sum(_WHY_STEP << WHYS.index(why) for why in whys)


def _mark(sign: str) -> tuple[Outcome, tuple[str, ...]]:
    whys, outcome = divmod(SIGNS.index(sign), _WHY_STEP)
    if outcome >= len(OUTCOMES):
        raise refused("It holds a vote that does not exist.")
    return OUTCOMES[outcome], tuple(why for place, why in enumerate(WHYS) if whys >> place & 1)


def _name(encoded: str) -> str:
    """The name in a line, without what no name may hold; "" for none. A vote is not lost for the sake of its name."""
    try:
        name = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise refused("Its name cannot be read.") from error
    cleaned = " ".join(one_line(name).split())[:NAME_MAX].strip()
    return "" if shows_nothing(cleaned) else cleaned
