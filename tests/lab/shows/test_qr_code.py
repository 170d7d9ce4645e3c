"""What a QR code promises: the dark modules of the standard's pattern, and nothing beyond the square."""

from __future__ import annotations

import re

import segno

from rivya_core.lab.shows.room.qr_code import qr_code

ADDRESS = "http://192.168.178.201:54321/abcdefgh-jkl_nop/ballot"


def test_the_path_covers_exactly_the_dark_modules() -> None:
    """As the library lays them out for the same text, at level M."""
    code = qr_code(ADDRESS)
    dark = set()
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", code.path):
        dark |= {(int(x) + at, int(y)) for at in range(int(width))}
    expected = segno.make(ADDRESS, error="m", micro=False)
    assert expected.error == "M"
    assert code.size == len(expected.matrix)
    assert dark == {(x, y) for y, row in enumerate(expected.matrix) for x, module in enumerate(row) if module}


def test_a_code_of_an_address_is_small_enough_for_a_phone_across_a_table() -> None:
    """At most 37 modules a side; its path is drawn without a picture to load."""
    code = qr_code(ADDRESS)
    assert code.size <= 37
    assert re.fullmatch(r"(M\d+ \d+h\d+v1h-\d+z)+", code.path)
