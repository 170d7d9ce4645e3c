"""A clip that is damaged or was not opened is seen, said and can be saved; no page stumbles over its missing measures."""

from __future__ import annotations

import pytest

from rivya_core import GenerationRecord, Lab
from tests.pages.test_compare import opened as compare, words
from tests.pages.test_history import finished, links, opened, page_links, said
from tests.until import until

SENTENCE = "It announces 80,000,000 pictures or pieces of sound. It was kept as it came."


def marked(lab: Lab, check: str, fault: str) -> GenerationRecord:
    """A finished row whose clip was found to be so."""
    row = finished(lab)
    until(lambda: lab.get(row.id).clip_check == "whole")
    lab.ledger.rows.update(
        row.id,
        clip_check=check,
        clip_fault=fault,
        poster_key=None,
        clip_width_px=None,
        clip_height_px=None,
        clip_duration_s=None,
        clip_fps=None,
    )
    return lab.get(row.id)


@pytest.mark.parametrize(
    ("check", "fault", "starts"),
    [
        ("unopened", SENTENCE, "This clip was not opened."),
        ("damaged", "Its frame 7 is damaged.", "This clip is damaged."),
    ],
)
def test_history_says_what_is_wrong_with_a_clip(lab: Lab, check: str, fault: str, starts: str) -> None:
    """In a sentence, beside the download; what nobody could open is not handed to the browser."""
    row = marked(lab, check, fault)
    app = opened(id=row.id)
    told = said(app)
    assert f"{starts} {fault} You can download the file." in told
    assert (f"ids={row.id}" in page_links(app).values()) == (check == "damaged")
    assert ("Damaged clip" if check == "damaged" else "Clip not opened") in told
    assert links(app)["Download"] == f"/clips/{row.id}.mp4?download=1"
    assert (f'"src": "/clips/{row.id}.mp4"' in told) == (check == "damaged")


def test_the_wall_leaves_out_what_was_not_opened(lab: Lab) -> None:
    """It says so, and shows the others."""
    first, second = finished(lab, "A red fox"), finished(lab, "A blue fox")
    odd = marked(lab, "unopened", SENTENCE)
    app = compare(ids=f"{first.id},{second.id},{odd.id}")
    assert "was not opened" in words(app)
