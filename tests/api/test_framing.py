"""Cropping and padding to an aspect ratio, and what is said of every change to a chosen file."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from rivya_core.api import ReferenceImage, check_image, shrink_image
from rivya_core.api.framing import Frame, framed, has_ratio, ratio_of
from rivya_core.api.image_rules import IMAGE_MAX_BYTES
from rivya_core.api.images import describe_changes, thumbnail
from tests.api.images import encode, jpeg, png, two_halves

SIDES = st.integers(1, 3000)
RATIOS = st.sampled_from(["16:9", "9:16", "1:1", "4:3", "21:9"])


def opened(image: ReferenceImage) -> Image.Image:
    """The picture that is sent."""
    return Image.open(io.BytesIO(image.data)).convert("RGBA")


# -- geometry ------------------------------------------------------------------------------------------------------


@given(SIDES, SIDES, RATIOS)
def test_a_crop_lies_within_the_picture_and_a_pad_around_it(width: int, height: int, ratio: str) -> None:
    """Both have the ratio to the pixel, keep one side as it is, and lose or add nothing on it."""
    wanted = ratio_of(ratio)
    assert wanted is not None
    crop, pad = Frame("crop", ratio).size((width, height)), Frame("pad", ratio).size((width, height))
    assert 1 <= crop[0] <= width
    assert 1 <= crop[1] <= height
    assert pad[0] >= width
    assert pad[1] >= height
    assert width in {crop[0], pad[0]} or height in {crop[1], pad[1]}
    for across, down in (crop, pad):
        assert abs(across - down * wanted) <= max(1.0, wanted) or 1 in (across, down)


@pytest.mark.parametrize("text", ["", None, "16", "16:0", "0:9", "a:b", "inf:1", "-1:2", 7])
def test_what_is_no_ratio_asks_for_no_shape(text: object) -> None:
    """A model without an aspect ratio, or with words for it, leaves every picture as it is."""
    assert ratio_of(text) is None
    assert has_ratio(10, 3000, text)
    assert Frame("crop", str(text)).size((10, 3000)) == (10, 3000)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_pad_is_grey_and_the_picture_stands_in_its_middle(mode: str) -> None:
    """In every kind of picture, and its own pixels are untouched."""
    picture = Image.new(mode, (40, 40), "white")
    out = framed(picture, Frame("pad", "16:9"), 4096).convert("RGB")
    assert out.size == (71, 40)
    assert {out.getpixel((0, 20)), out.getpixel((70, 20))} == {(128, 128, 128)}
    assert {out.getpixel((16, 0)), out.getpixel((54, 39))} == {(255, 255, 255)}


def test_a_canvas_never_gets_longer_than_the_limit() -> None:
    """A tall picture in a wide frame is made smaller first, so that memory stays bounded."""
    out = framed(Image.new("L", (900, 1600)), Frame("pad", "16:9"), 1000)
    assert out.size == (999, 562)


# -- real pictures -------------------------------------------------------------------------------------------------


def test_a_crop_keeps_the_middle() -> None:
    """Red on the left and blue on the right, cut to a square, is half of each."""
    image = shrink_image(encode(two_halves(800, 400), "PNG"), "a.png", frame=Frame("crop", "1:1"))
    assert (image.width_px, image.height_px, image.mime) == (400, 400, "image/png")
    picture = opened(image)
    assert [picture.getpixel((x, 200)) for x in (0, 199, 200, 399)] == [(255, 0, 0, 255)] * 2 + [(0, 0, 255, 255)] * 2
    assert image.told.endswith("re-encoded as PNG, cropped to 1:1")


def test_a_picture_is_upright_before_it_is_cropped() -> None:
    """The camera held it sideways: what counts is what a person sees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    image = shrink_image(jpeg(800, 400, exif=exif), frame=Frame("crop", "1:1"))
    assert (image.width_px, image.height_px) == (400, 400)
    assert {"rotated upright", "cropped to 1:1"} <= set(image.changes)


def test_a_fitted_picture_keeps_the_limits() -> None:
    """Noise that cannot be packed is scaled until it fits 10 MB, which is said; a large one gets 4096 pixels at most."""
    noise = Image.effect_noise((3000, 3000), 200).convert("RGB")
    image = shrink_image(encode(noise, "PNG", compress_level=1), frame=Frame("pad", "16:9"))
    assert len(image.data) <= IMAGE_MAX_BYTES
    assert image.mime == "image/jpeg"
    assert max(image.width_px, image.height_px) <= 4096
    assert has_ratio(image.width_px, image.height_px, "16:9")
    assert any(change.startswith("scaled from 5333x3000 to ") for change in image.changes)


def test_clear_parts_stay_clear_where_they_are_sent() -> None:
    """A drawing with transparency is cropped as a PNG."""
    drawing = Image.new("RGBA", (300, 100), (255, 0, 0, 0))
    image = shrink_image(encode(drawing, "PNG"), frame=Frame("crop", "1:1"))
    assert opened(image).getpixel((50, 50)) == (255, 0, 0, 0)


@pytest.mark.parametrize("data", [jpeg(2000, 1000), png(30, 2000), encode(Image.new("RGBA", (500, 500)), "WEBP")])
def test_a_thumbnail_is_small(data: bytes) -> None:
    """A few kilobytes whatever it was made of."""
    small = thumbnail(check_image(data))
    assert max(Image.open(io.BytesIO(small)).size) <= 192
    assert len(small) < 20_000


# -- what is said --------------------------------------------------------------------------------------------------


def test_a_large_jpeg_that_is_encoded_again_is_never_called_unchanged() -> None:
    """More than 10 MB come in and less goes out: both sizes are said, beside what was done."""
    data = encode(Image.effect_noise((3500, 3500), 120).convert("RGB"), "JPEG", quality=97)
    assert len(data) > IMAGE_MAX_BYTES
    image = shrink_image(data, "photo.jpg")
    assert image.sha256 != image.original_sha256 == hashlib.sha256(data).hexdigest()
    assert image.told.startswith(f"{len(data) / 1e6:.2f} → {len(image.data) / 1e6:.2f} MB, re-encoded")


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    kind=st.sampled_from(["PNG", "JPEG", "WEBP"]),
    way=st.sampled_from(["clean", "original", "shrink", "crop", "pad"]),
    again=st.booleans(),
)
def test_unchanged_is_said_of_the_very_bytes_and_of_nothing_else(
    size: tuple[int, int], kind: str, way: str, *, again: bool
) -> None:
    """Whatever is done to a file, also one that this program has encoded before: the hashes decide what is said."""
    data = encode(Image.new("RGB", size, "teal"), kind)
    if again:
        data = check_image(data).data
    match way:
        case "clean":
            image = check_image(data)
        case "original":
            image = check_image(data, send_original=True)
        case "shrink":
            image = shrink_image(data)
        case _:
            image = shrink_image(data, frame=Frame("crop" if way == "crop" else "pad", "16:9"))
    same = hashlib.sha256(image.data).hexdigest() == hashlib.sha256(data).hexdigest()
    assert ("unchanged" in image.told) is same
    assert bool(image.changes) is not same


def test_nothing_is_said_of_a_file_that_nobody_knows() -> None:
    """Neither "unchanged" nor a size that was never recorded."""
    assert describe_changes((), original_sha256="", original_bytes=0, sha256="a", size_bytes=5) == ""
