"""The reference image of a draft: fitted to a ratio, taken from before, and said for what it is, here and in History."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rivya_core import GenerationRequest, Lab
from rivya_core.api import check_image
from rivya_core.api.errors import InvalidRequestError
from rivya_core.lab.drafts import draft_images, drafts
from rivya_core.lab.drafts.drafts import Draft, DraftImage
from rivya_core.lab.drafts.sweep_drafts import SweepDraft
from rivya_core.lab.ledger.assets import small_key
from tests.api.images import jpeg, png


def photo(width: int, height: int) -> bytes:
    """A JPEG that is not sent as it is: its camera wrote something into it."""
    return jpeg(width, height, comment=b"a camera")


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    """An open lab."""
    return make_lab()


def draft_of(image: DraftImage, ratio: str) -> Draft:
    """A draft that can be sent."""
    return Draft(prompt="A red fox", values={"aspect_ratio": ratio}, image=image)


# -- fit -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("way", "size"), [("crop", (640, 360)), ("pad", (853, 480))])
def test_the_fitted_bytes_are_what_is_kept_and_sent(lab: Lab, way: drafts.Fit, size: tuple[int, int]) -> None:
    """The request carries the very bytes that the archive shows under that hash; the chosen file is what they tell of."""
    image = draft_images.fit(lab, drafts.attach_image(lab, photo(640, 480), "fox.jpg"), way, "16:9")
    assert (image.sent.width_px, image.sent.height_px) == size
    request = drafts.full_request(draft_of(image, "16:9"), lab)
    assert request.image is not None
    assert request.image.sha256 == image.sent.sha256
    assert lab.image(image.sent.sha256).read_bytes() == request.image.data
    assert image.original is not None
    assert image.sent.original_sha256 == image.original.sha256
    assert f"{'cropped' if way == 'crop' else 'padded with grey'} to 16:9" in image.sent.told
    assert draft_images.fit(lab, image, "as_is", "16:9").sent == image.prepared


def test_a_fit_follows_the_ratio(lab: Lab) -> None:
    """Fitted anew it starts from the chosen file; an image that has the shape already is left alone."""
    image = draft_images.fit(lab, drafts.attach_image(lab, photo(640, 360), "fox.jpg"), "crop", "1:1")
    assert (image.follows("1:1"), image.follows("16:9"), image.follows(None)) == (True, False, True)
    wide = draft_images.fit(lab, image, image.fit, "16:9")
    assert (wide.sent, wide.fit, wide.follows("16:9")) == (wide.prepared, "crop", True)
    tall = draft_images.fit(lab, wide, wide.fit, "9:16")
    assert (tall.sent.width_px, tall.sent.height_px) == (202, 360)


def test_an_image_of_another_ratio_is_never_sent_by_mistake(lab: Lab) -> None:
    """What was cropped for one ratio and is asked for in another is refused before anything is stored."""
    image = draft_images.fit(lab, drafts.attach_image(lab, photo(640, 480), "fox.jpg"), "crop", "16:9")
    with pytest.raises(InvalidRequestError, match="16:9") as caught:
        drafts.full_request(draft_of(image, "9:16"), lab)
    assert caught.value.field == "reference_image"


def test_a_shrunk_image_keeps_telling_of_the_file_that_was_chosen(lab: Lab) -> None:
    """Its original is not kept; a fit is made of the smaller copy and says all that was done."""
    image = drafts.attach_shrunk(lab, png(5000, 50), "wide.png")
    fitted = draft_images.fit(lab, image, "crop", "1:1")
    assert fitted.sent.original_sha256 == image.prepared.original_sha256
    assert fitted.sent.original_bytes == len(png(5000, 50))
    assert {"cropped to 1:1", "scaled from 5000x50 to 4096x41 pixels"} <= set(fitted.sent.changes)


def test_a_draft_comes_back_with_its_fit(lab: Lab) -> None:
    """Through JSON, also as part of a sweep's draft; a draft of before has none."""
    image = draft_images.fit(lab, drafts.attach_image(lab, photo(640, 480), "fox.jpg"), "pad", "16:9")
    draft = draft_of(image, "16:9")
    assert Draft.from_mapping(draft.to_mapping()) == draft
    assert SweepDraft.from_mapping(SweepDraft(base=draft).to_mapping()).base == draft
    old = draft.to_mapping()
    for name in ("fit", "ratio", "fitted"):
        del old["image"][name]
    assert Draft.from_mapping(old).image == replace(image, fit="as_is", ratio="", fitted=None)


# -- what is said --------------------------------------------------------------------------------------------------


def test_the_settings_of_a_generation_say_what_was_done_to_its_image(lab: Lab) -> None:
    """Loaded into the form again, a re-encoded image is not called unchanged, and an unchanged one is."""
    image = drafts.attach_image(lab, photo(640, 480), "fox.jpg")
    for sent in (image, replace(image, use_original=True)):
        row = lab.submit(drafts.full_request(draft_of(sent, "16:9"), lab))
        loaded = Draft.of_record(row).image
        assert loaded is not None
        assert loaded.sent.told == ""
        known = draft_images.known_facts(lab, loaded)
        assert known.sent.told == sent.sent.told
        assert ("unchanged" in known.sent.told) is sent.use_original
        asset = lab.ledger.assets.find(sent.sent.sha256)
        assert asset is not None
        assert asset.told == sent.sent.told


def test_the_image_of_a_script_is_recorded_as_well(lab: Lab) -> None:
    """What leaves says what it was made of, whoever sent it."""
    row = lab.submit(GenerationRequest(prompt="A red fox", reference_image=photo(80, 60)))
    asset = lab.ledger.assets.find(row.asset_sha256 or "")
    assert asset is not None
    assert "re-encoded" in asset.told


def test_bytes_that_were_also_made_of_another_file_are_not_called_unchanged(lab: Lab) -> None:
    """The same bytes chosen as they are, then made by encoding another file: in any order the change is what is said."""
    made = check_image(photo(80, 60))
    chosen = check_image(made.data, send_original=True)
    for first, second in ((chosen, made), (made, chosen)):
        assert first.sha256 == second.sha256
        lab.ledger.assets.store(first, lab.archive)
        lab.ledger.assets.store(second, lab.archive)
    asset = lab.ledger.assets.find(made.sha256)
    assert asset is not None
    assert asset.told == made.told


def test_an_image_of_before_this_was_recorded_is_not_called_anything(lab: Lab) -> None:
    """Nobody knows what was done to it; storing it again from the archive adds nothing, choosing its file does."""
    image = check_image(photo(80, 60))
    lab.ledger.assets.store(replace(image, original_sha256=""), lab.archive)
    lab.ledger.assets.store(lab.ledger.assets.load(image.sha256, lab.archive), lab.archive)
    asset = lab.ledger.assets.find(image.sha256)
    assert asset is not None
    assert (asset.origin, asset.told) == (None, "")
    lab.ledger.assets.store(image, lab.archive)
    asset = lab.ledger.assets.find(image.sha256)
    assert asset is not None
    assert asset.told == image.told


# -- recent images -------------------------------------------------------------------------------------------------


@pytest.mark.database
def test_recent_images_are_the_chosen_files_newest_first_each_once(lab: Lab) -> None:
    """Its prepared bytes, its original and its fits are one image; the latest eight are shown."""
    chosen = [drafts.attach_image(lab, photo(80 + number, 60), f"{number}.jpg") for number in range(10)]
    for way in ("crop", "pad"):
        draft_images.fit(lab, chosen[9], way, "1:1")
    drafts.attach_image(lab, photo(89, 60), "again.jpg")
    found = draft_images.recent(lab)
    assert [image.prepared.original_name for image in found] == [f"{number}.jpg" for number in range(9, 1, -1)]
    assert found[0] == chosen[9]
    assert all(lab.archive.path(small_key(image.prepared.sha256)).is_file() for image in found)


def test_an_image_of_a_script_can_be_chosen_too(lab: Lab) -> None:
    """It has no small copy and no original, and is used as it was sent."""
    row = lab.submit(GenerationRequest(prompt="A red fox", reference_image=png()))
    [image] = draft_images.recent(lab)
    assert (image.prepared.sha256, image.original) == (row.asset_sha256, None)
