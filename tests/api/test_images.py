"""What leaves as a reference image: checked on its real bytes, upright, without metadata, within the limit."""

from __future__ import annotations

import hashlib
import io
import struct
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from rivya_core.api import InvalidRequestError, ReferenceImage, check_image, shrink_image
from rivya_core.api.image_rules import IMAGE_MAX_BYTES
from rivya_core.api.images import verify_image
from tests.api.images import encode, jpeg, png, two_halves

ORIENTATION, GPS, MAKER = 0x0112, 0x8825, 0x010F


def opened(image: ReferenceImage) -> Image.Image:
    """Decode what would be sent."""
    return Image.open(io.BytesIO(image.data))


def with_exif(format_name: str, orientation: int, **options: Any) -> bytes:
    """Encode the two halves with an orientation and a GPS position."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[MAKER] = "Sentinel Camera"
    exif.get_ifd(GPS).update({1: "N", 2: (59.0, 20.0, 11.0), 3: "E", 4: (18.0, 3.0, 44.0)})
    return encode(two_halves(), format_name, exif=exif, **options)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "size", "red_corner"),
    [
        (1, (80, 40), (5, 20)),
        (2, (80, 40), (75, 20)),
        (3, (80, 40), (75, 20)),
        (6, (40, 80), (20, 5)),
        (8, (40, 80), (20, 75)),
    ],
)
def test_a_photo_leaves_upright_and_without_its_position(
    format_name: str, orientation: int, size: tuple[int, int], red_corner: tuple[int, int]
) -> None:
    """Orientation is applied to the pixels; GPS, maker and every other tag are gone, and that is said."""
    data = with_exif(format_name, orientation)
    assert b"Sentinel" in data
    image = check_image(data, "IMG_0001.jpg")
    assert (image.width_px, image.height_px) == size == opened(image).size
    red, _green, blue = opened(image).convert("RGB").getpixel(red_corner)  # type: ignore[misc]  # RGB gives a tuple
    assert red > 200
    assert blue < 60
    assert b"Sentinel" not in image.data
    assert b"Exif" not in image.data
    assert len(opened(image).getexif()) == 0
    assert ("rotated upright" in image.changes) is (orientation != 1)
    assert "metadata removed (GPS position included)" in image.changes


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_means_nothing_turns_nothing(orientation: int) -> None:
    """A broken tag neither turns the picture nor claims to."""
    image = check_image(with_exif("JPEG", orientation))
    assert (image.width_px, image.height_px) == (80, 40)
    assert "rotated upright" not in image.changes


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP"])
def test_other_metadata_goes_too(format_name: str) -> None:
    """Comments, XMP and texts are dropped like EXIF."""
    options: dict[str, Any] = {"xmp": b"<x:xmpmeta>sentinel</x:xmpmeta>"}
    if format_name == "JPEG":
        options["comment"] = b"sentinel"
    if format_name == "PNG":
        info = PngInfo()
        info.add_text("Comment", "sentinel")
        info.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta>sentinel</x:xmpmeta>")
        options = {"pnginfo": info}
    data = encode(two_halves(), format_name, **options)
    assert b"sentinel" in data
    image = check_image(data)
    assert b"sentinel" not in image.data
    assert "metadata removed" in image.changes


def test_what_follows_the_picture_is_dropped() -> None:
    """Bytes behind the end of the picture do not leave."""
    assert b"sentinel" not in check_image(png() + b"sentinel").data


def test_a_plain_picture_stays_visually_the_same() -> None:
    """Encoding anew with the source's own tables changes a photo by next to nothing."""
    source = Image.effect_noise((300, 200), 40).convert("RGB")
    data = encode(source, "JPEG", quality=82)
    before = Image.open(io.BytesIO(data)).convert("L").tobytes()
    after = opened(check_image(data)).convert("L").tobytes()
    assert sum(abs(a - b) for a, b in zip(before, after, strict=True)) / len(before) < 1.0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_kept_lossless(mode: str) -> None:
    """A PNG stays a PNG with the same pixels; 16-bit grey is scaled, not clipped."""
    if mode == "I;16":
        source = Image.frombytes("I;16", (4, 1), struct.pack("<4H", 0, 20000, 40000, 65535))
        image = check_image(encode(source, "PNG"))
        assert list(opened(image).convert("L").tobytes()) == [0, 78, 156, 255]
        return
    source = two_halves().convert(mode)
    image = check_image(encode(source, "PNG"))
    assert image.mime == "image/png"
    assert opened(image).convert("RGBA").tobytes() == source.convert("RGBA").tobytes()


def test_transparency_of_a_palette_is_kept() -> None:
    """The one entry that is no metadata stays."""
    source = two_halves().convert("P")
    image = check_image(encode(source, "PNG", transparency=source.getpixel((0, 0))))
    assert opened(image).convert("RGBA").getchannel("A").getextrema()[0] == 0


def test_a_cmyk_photo_becomes_rgb() -> None:
    """Print colours are converted, as video models take RGB."""
    image = check_image(encode(two_halves().convert("CMYK"), "JPEG"))
    assert opened(image).mode == "RGB"
    assert any("CMYK" in change for change in image.changes)
    assert opened(image).getpixel((5, 20))[0] > 180  # type: ignore[index]  # RGB gives a tuple


def test_colours_of_another_profile_become_srgb() -> None:
    """An embedded profile is applied to the pixels and then dropped."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    wide = check_image(encode(two_halves(), "PNG", icc_profile=profile))
    assert "icc_profile" not in opened(wide).info
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain = check_image(encode(two_halves(), "PNG", icc_profile=srgb))
    assert "icc_profile" not in opened(plain).info
    assert opened(plain).convert("RGB").tobytes() == two_halves().tobytes()
    broken = check_image(encode(two_halves(), "PNG", icc_profile=b"not a profile"))
    assert opened(broken).convert("RGB").tobytes() == two_halves().tobytes()


def test_the_original_bytes_are_kept_on_request() -> None:
    """``send_original`` changes nothing, and still checks."""
    data = with_exif("JPEG", 6)
    image = check_image(data, "a.jpg", send_original=True)
    assert image.data == data
    assert image.sha256 == hashlib.sha256(data).hexdigest()
    assert image.changes == ()
    with pytest.raises(InvalidRequestError):
        check_image(data[:-200], send_original=True)


def test_the_name_that_leaves_is_neutral() -> None:
    """The caller's file name may tell more than the picture; it stays here."""
    image = check_image(png(), "../Secret client/Draft\x00\u202e 7.png")
    assert image.name == "reference-image.png"
    assert image.original_name == "Draft 7.png"


def ftyp(brand: bytes) -> bytes:
    """The start of a file of the ISO media family."""
    return b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00\x00\x00" + b"mif1" + bytes(40)


def bomb(width: int, height: int) -> bytes:
    """A small PNG that claims, and would decode to, an enormous picture."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def animated(format_name: str) -> bytes:
    """Two frames."""
    return encode(two_halves(), format_name, save_all=True, append_images=[two_halves().rotate(180)], duration=100)


REFUSED: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "not_an_image", "empty"),
    "text": (b"hello, world", "not_an_image", "not an image"),
    "page": (b"<!doctype html><html></html>", "not_an_image", "not an image"),
    "program": (b"\x7fELF" + bytes(60), "not_an_image", "not an image"),
    "heic": (ftyp(b"heic"), "unsupported", "HEIC"),
    "avif": (ftyp(b"avif"), "unsupported", "AVIF"),
    "avif, generic brand": (ftyp(b"mif1")[:20] + b"avif" + bytes(40), "unsupported", "AVIF"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported", "SVG"),
    "svg with prologue": (b'<?xml version="1.0"?>\n<!-- x --><svg/>', "unsupported", "SVG"),
    "gif": (encode(two_halves(), "GIF"), "unsupported", "GIF"),
    "animated gif": (animated("GIF"), "unsupported", "GIF"),
    "bmp": (encode(two_halves(), "BMP"), "unsupported", "BMP"),
    "tiff": (encode(two_halves(), "TIFF"), "unsupported", "TIFF"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "unsupported", "PDF"),
    "psd": (b"8BPS\x00\x01", "unsupported", "Photoshop"),
    "ico": (encode(two_halves(32, 32), "ICO"), "unsupported", "icon"),
    "animated png": (animated("PNG"), "unsupported", "animated"),
    "animated webp": (animated("WEBP"), "unsupported", "animated"),
    "half a png": (png(400, 400)[:-60], "truncated", "cut off"),
    "half a jpeg": (encode(Image.effect_noise((300, 300), 60).convert("RGB"), "JPEG")[:5000], "truncated", "cut off"),
    "half a webp": (encode(Image.effect_noise((300, 300), 60).convert("RGB"), "WEBP")[:3000], "truncated", "cut off"),
    "png signature only": (b"\x89PNG\r\n\x1a\n", "truncated", "cut off"),
    "jpeg signature only": (b"\xff\xd8\xff\xe0", "truncated", "cut off"),
    "webp signature only": (b"RIFF\x00\x00\x00\x00WEBP", "truncated", "cut off"),
    "bomb": (bomb(60_000, 60_000), "too_many_pixels", "60000x60000"),
    "just too many pixels": (bomb(10_000, 5_001), "too_big", "10000x5001"),
    "too many, below the library's alarm": (bomb(9_000, 9_000), "too_many_pixels", "9000x9000"),
}


@pytest.mark.parametrize("send_original", [False, True], ids=["cleaned", "original"])
@pytest.mark.parametrize(("data", "code", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_sent_is_refused_in_words(data: bytes, code: str, words: str, *, send_original: bool) -> None:
    """Each kind of unsuitable file has its own sentence and code, whatever the file is called."""
    with pytest.raises(InvalidRequestError) as caught:
        check_image(data, "photo.jpg", send_original=send_original)
    assert (caught.value.code, caught.value.field) == (code, "reference_image")
    assert words in str(caught.value)
    assert caught.value.hint


def test_a_bomb_costs_no_memory() -> None:
    """The size is read from the header; nothing is decoded."""
    data = bomb(60_000, 60_000)
    tracemalloc.start()
    with pytest.raises(InvalidRequestError):
        check_image(data)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("name", ["photo.png", "photo.heic", "photo", "photo.exe"])
def test_the_name_decides_nothing(name: str) -> None:
    """A JPEG with a wrong ending is a JPEG."""
    assert check_image(jpeg(), name).mime == "image/jpeg"


def noise(side: int, mode: str = "RGB") -> Image.Image:
    """A picture that does not compress."""
    return Image.merge(mode, [Image.effect_noise((side, side), 200) for _ in mode])


def test_the_limit_is_that_of_the_contract() -> None:
    """10 MB as sent: exactly the limit passes, one byte more does not."""
    body = png()
    exact = body + bytes(IMAGE_MAX_BYTES - len(body))
    assert len(check_image(exact, send_original=True).data) == 10_000_000
    with pytest.raises(InvalidRequestError, match=r"10\.00 MB") as caught:
        check_image(exact + b"x", send_original=True)
    assert caught.value.code == "too_big"


def test_a_picture_that_is_too_big_can_be_shrunk() -> None:
    """The refusal offers it, and the result passes."""
    data = encode(noise(2300), "PNG")
    assert len(data) > IMAGE_MAX_BYTES
    with pytest.raises(InvalidRequestError, match="Shrink it here") as caught:
        check_image(data)
    assert caught.value.code == "too_big"
    small = shrink_image(data, "big.png")
    assert len(small.data) <= IMAGE_MAX_BYTES
    assert (small.width_px, small.height_px) == (2300, 2300)
    assert any("re-encoded as JPEG" in change for change in small.changes)
    assert not any("scaled" in change for change in small.changes)
    verify_image(small)
    assert check_image(small.data).width_px == small.width_px


def test_shrinking_keeps_transparency_and_turns_upright() -> None:
    """A picture with an alpha channel stays one; a turned photo is turned first."""
    clear = shrink_image(encode(noise(300, "RGBA"), "PNG"))
    assert clear.mime == "image/webp"
    assert opened(clear).mode == "RGBA"
    turned = shrink_image(with_exif("JPEG", 6))
    assert (turned.width_px, turned.height_px) == (40, 80)
    assert b"Sentinel" not in turned.data


def test_a_phone_photo_with_a_second_picture_is_taken() -> None:
    """Phones put a depth or gain map behind the photo (MPO); the photo itself is sent."""
    data = encode(two_halves(), "MPO", save_all=True, append_images=[two_halves(40, 20)])
    image = check_image(data)
    assert image.mime == "image/jpeg"
    assert len(image.data) < len(data)
    assert any("first picture" in change for change in image.changes)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_pictures_never_crash(data: st.DataObject) -> None:
    """Whatever is done to the bytes, the answer is an image that passes or a refusal in words."""
    base = bytearray(data.draw(st.sampled_from([png(), jpeg(), encode(two_halves(), "WEBP"), with_exif("JPEG", 6)])))
    for _ in range(data.draw(st.integers(1, 6))):
        base[data.draw(st.integers(0, len(base) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(base)))
    image, refusal = tried(bytes(base[:cut] if data.draw(st.booleans()) else base))
    if image is not None:
        verify_image(image)
    else:
        assert refusal is not None
        assert refusal.field == "reference_image"
        assert refusal.code


def tried(data: bytes) -> tuple[ReferenceImage | None, InvalidRequestError | None]:
    """Check an image; it, or the refusal. Any other error goes through."""
    try:
        return check_image(data), None
    except InvalidRequestError as refusal:
        return None, refusal


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\x00\x00\x00WEBP"])
)
def test_any_bytes_are_refused_or_taken(tail: bytes, head: bytes) -> None:
    """No bytes crash the check."""
    with pytest.raises(InvalidRequestError):
        check_image(head + tail)
