"""Write an RGB profile from primaries and one curve, for pictures that describe their colours without a profile.

Source: ICC.1:2022, clauses 7 (header and tag table) and 10 (types of tags); annex E for the adaptation to D50 by Bradford.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

_SAMPLES = 256  # of a curve; a picture of 8 bits has no more values
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))

Matrix = tuple[tuple[float, float, float], ...]
Curve = Callable[[float], float]
"""From the stored value, 0 to 1, to light, 0 to 1."""


def matrix_profile(primaries: tuple[float, ...], curve: Curve) -> bytes:
    """Return the bytes of an RGB profile. primaries: x and y of white, red, green, blue. curve: the same for all three channels.

    Raises:
        ArithmeticError: the primaries lie on one line, so that no colour can be mixed from them.
    """
    columns = _adapted(primaries)
    samples = b"".join(struct.pack(">H", round(65535 * min(1.0, curve(at / 255)))) for at in range(_SAMPLES))
    trc = b"curv\0\0\0\0" + struct.pack(">I", _SAMPLES) + samples
    tags = [(b"desc", _described("Picture")), (b"cprt", b"text\0\0\0\0CC0\0"), (b"wtpt", _xyz(_D50))]
    tags += [(name, _xyz(column)) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)]
    tags += [(name, trc) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for name, value in tags:
        padded = value + b"\0" * (-len(value) % 4)
        table += name + struct.pack(">II", at + len(body), len(value))
        body += padded
    head = struct.pack(">I", at + len(body)) + b"lcms\x02\x40\0\0mntrRGB XYZ \x07\xea\0\1\0\1" + b"\0" * 6 + b"acsp"
    head += b"\0" * 28 + _xyz(_D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _adapted(primaries: tuple[float, ...]) -> Matrix:
    """Return XYZ of red, green and blue, adapted from their own white to D50 (the white of every ICC profile)."""
    white, *rest = [(x / y, 1.0, (1 - x - y) / y) for x, y in zip(primaries[::2], primaries[1::2], strict=True)]
    shares = _solved(_columns(rest), white)
    cone_white, cone_d50 = _times(_BRADFORD, white), _times(_BRADFORD, _D50)
    adapted = []
    for share, colour in zip(shares, rest, strict=True):
        cone = _times(_BRADFORD, (share * colour[0], share * colour[1], share * colour[2]))
        scaled = (*(part * to / of for part, to, of in zip(cone, cone_d50, cone_white, strict=True)),)
        adapted.append(_solved(_BRADFORD, (scaled[0], scaled[1], scaled[2])))
    return tuple(adapted)


def _columns(vectors: list[tuple[float, float, float]]) -> Matrix:
    return tuple((row[0], row[1], row[2]) for row in zip(*vectors, strict=True))


def _times(matrix: Matrix, vector: tuple[float, float, float]) -> tuple[float, float, float]:
    sums = [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]
    return sums[0], sums[1], sums[2]


def _solved(matrix: Matrix, vector: tuple[float, float, float]) -> tuple[float, float, float]:
    """Solve three equations by Cramer's rule. Raises ArithmeticError when the matrix is singular."""
    whole = _determinant(matrix)
    if abs(whole) < 1e-9:  # noqa: PLR2004
        raise ArithmeticError("singular")
    rows = list(zip(matrix, vector, strict=True))
    return (
        _determinant(tuple((value, row[1], row[2]) for row, value in rows)) / whole,
        _determinant(tuple((row[0], value, row[2]) for row, value in rows)) / whole,
        _determinant(tuple((row[0], row[1], value) for row, value in rows)) / whole,
    )


def _determinant(m: Matrix) -> float:
    (a, b, c), (d, e, f), (g, h, i) = m
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def _described(text: str) -> bytes:
    name = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + b"\0" * 78
