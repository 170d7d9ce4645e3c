"""Colours leave as they were meant: converted by what a profile or chunk does, never by its name, and said."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageCms

from rivya_core.api import (
    InvalidRequestError,
    ReferenceImage,
    check_image,
    colours as colour_module,
    icc_profile,
    shrink_image,
)
from tests.api.images import encode, png, two_halves

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SRGB_XY = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
P3_XY = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
UNREADABLE = "a colour profile that cannot be used was ignored"
CONVERTED = "colours converted to sRGB"
FLATTENED = "HDR colours converted to sRGB, the brightest parts are flattened"
Colour = tuple[int, ...]


def profile(name: str, gamma: float, xy: tuple[float, ...] = SRGB_XY) -> bytes:
    """A matrix profile with a name of our choice."""
    made = icc_profile.matrix_profile(xy, lambda value: value**gamma)
    assert b"Picture" in made
    return made.replace(b"Picture", name.encode().ljust(7)[:7])


def grey_profile(gamma: float) -> bytes:
    """A profile for greys: the curve of a matrix profile and nothing else."""
    made = bytearray(profile("Grey", gamma))
    made[16:20] = b"GRAY"
    at = made.index(b"rTRC")
    made[at : at + 4] = b"kTRC"
    return bytes(made)


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def insert(data: bytes, *chunks: bytes) -> bytes:
    """A PNG with more chunks behind its header."""
    return data[:33] + b"".join(chunks) + data[33:]


GAMMA_1 = chunk(b"gAMA", struct.pack(">I", 100_000))
GAMMA_22 = chunk(b"gAMA", struct.pack(">I", 45_455))
P3_CHRM = chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in P3_XY)))
SRGB_CHRM = chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in SRGB_XY)))
SRGB_CHUNK = chunk(b"sRGB", b"\0")


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> bytes:
    """A cICP chunk."""
    return chunk(b"cICP", bytes([primaries, transfer, matrix, full]))


def iccp(icc: bytes) -> bytes:
    """An iCCP chunk."""
    return chunk(b"iCCP", b"x\0\0" + zlib.compress(icc))


def pixel(image: ReferenceImage, mode: str = "RGB") -> Colour:
    """The middle of what would be sent."""
    opened = Image.open(io.BytesIO(image.data)).convert(mode)
    found = opened.getpixel((opened.width // 2, opened.height // 2))
    assert isinstance(found, tuple)
    return found


def near(a: Colour, b: Colour, by: int = 3) -> bool:
    """Tell whether two colours look the same."""
    return len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b, strict=True)) <= by


def flat(mode: str, colour: Any, format_name: str = "PNG", **options: Any) -> bytes:
    """A picture of one colour."""
    return encode(Image.new(mode, (40, 30), colour), format_name, **options)


def told(image: ReferenceImage) -> list[str]:
    """What was said of the colours."""
    return [change for change in image.changes if "colour" in change or "channel" in change]


@pytest.mark.parametrize("name", ["sRGB", "Lin sRGB", "Any", ""])
@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "JPEG"])
def test_a_linear_profile_is_applied_whatever_its_name(name: str, format_name: str) -> None:
    """55 of light is 128 to the eye."""
    options: dict[str, Any] = {"quality": 100} | ({"lossless": True} if format_name == "WEBP" else {})
    image = check_image(flat("RGB", (55, 55, 55), format_name, icc_profile=profile(name, 1.0), **options))
    assert near(pixel(image), (128, 128, 128))
    assert told(image) == [CONVERTED]


def test_a_profile_that_is_srgb_in_effect_changes_nothing() -> None:
    """Under another name, as a matrix with a table, and as the usual one: not one pixel moves."""
    own = icc_profile.matrix_profile(SRGB_XY, colour_module._srgb_curve).replace(b"Picture", b"Adobe X")
    for icc in (SRGB, own):
        image = check_image(encode(two_halves(), "PNG", icc_profile=icc))
        assert Image.open(io.BytesIO(image.data)).tobytes() == two_halves().tobytes()
        assert told(image) == []


WANTED = pixel(check_image(flat("RGB", (200, 60, 40), icc_profile=profile("P3", 2.2, P3_XY))))


@pytest.mark.parametrize("mode", ["P", "RGBA", "RGB with a clear colour", "P with a clear entry"])
def test_every_kind_of_picture_is_converted_like_rgb(mode: str) -> None:
    """Palettes, alpha and clear colours; what was clear stays clear."""
    icc = profile("P3", 2.2, P3_XY)
    source = Image.new("RGB", (40, 30), (0, 255, 0))
    source.paste((200, 60, 40), (5, 5, 40, 30))
    options: dict[str, Any] = {}
    if mode == "RGB with a clear colour":
        options["transparency"] = (0, 255, 0)
    else:
        source = source.convert("P", palette=Image.Palette.ADAPTIVE) if mode[0] == "P" else source.convert(mode)
        if "clear" in mode:
            options["transparency"] = source.getpixel((0, 0))
    image = check_image(encode(source, "PNG", icc_profile=icc, **options))
    assert near(pixel(image), WANTED)
    corner = Image.open(io.BytesIO(image.data)).convert("RGBA").getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert corner[3] == (0 if "clear" in mode else 255)
    assert told(image) == [CONVERTED]


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", 55), ("LA", (55, 128)), ("1", 1), ("I;16", 55 * 257)], ids=["L", "LA", "1", "I;16"]
)
@pytest.mark.parametrize("by", ["grey profile", "colour profile", "gAMA"])
def test_greys_are_converted_too(mode: str, colour: Any, by: str) -> None:
    """By a profile for greys, by one for colours, by a chunk; alpha stays, and grey stays grey."""
    icc = {"grey profile": grey_profile(1.0), "colour profile": profile("Lin", 1.0)}.get(by)
    data = flat(mode, colour, icc_profile=icc) if icc else insert(flat(mode, colour), GAMMA_1)
    image = check_image(data)
    bright = 255 if mode == "1" else 128
    assert near(pixel(image), (bright, bright, bright))
    assert Image.open(io.BytesIO(image.data)).mode in {"L", "LA", "1"}
    if mode == "LA":
        assert pixel(image, "RGBA")[3] == 128
    assert CONVERTED in told(image)
    assert ("reduced to 8 bits a channel" in image.changes) is (mode == "I;16")


WANTED_CODED = (217, 42, 23)  # Display P3 as browsers show it; its curve is that of sRGB
HDR_WHITE = round(0.5807 * 255)  # PQ for 203 nits

CHUNKS: dict[str, tuple[tuple[bytes, ...], Colour, Colour, list[str]]] = {
    "linear": ((GAMMA_1,), (55, 55, 55), (128, 128, 128), [CONVERTED]),
    "the usual gamma": ((GAMMA_22,), (55, 55, 55), (55, 55, 55), []),
    "the usual gamma and primaries": ((GAMMA_22, SRGB_CHRM), (55, 9, 200), (55, 9, 200), []),
    "wide primaries alone": ((P3_CHRM,), (200, 60, 40), WANTED_CODED, [CONVERTED]),
    "wide primaries and gamma": ((P3_CHRM, GAMMA_22), (200, 60, 40), WANTED, [CONVERTED]),
    "sRGB wins over gAMA": ((SRGB_CHUNK, GAMMA_1, P3_CHRM), (55, 55, 55), (55, 55, 55), []),
    "iCCP wins over sRGB": ((iccp(profile("a", 1.0)), SRGB_CHUNK), (55, 55, 55), (128, 128, 128), [CONVERTED]),
    "cICP wins over iCCP": ((cicp(1, 13), iccp(profile("a", 1.0))), (55, 55, 55), (55, 55, 55), []),
    "Display P3": ((cicp(12, 13),), (200, 60, 40), WANTED_CODED, [CONVERTED]),
    "linear code": ((cicp(1, 8),), (55, 55, 55), (128, 128, 128), [CONVERTED]),
    "narrow range": ((cicp(1, 13, 0, 0),), (126, 126, 126), (128, 128, 128), [CONVERTED]),
    "PQ, dark": ((cicp(9, 16),), (0, 0, 0), (0, 0, 0), [FLATTENED]),
    "PQ, brightest": ((cicp(9, 16),), (255, 255, 255), (255, 255, 255), [FLATTENED]),
    "HLG, brightest": ((cicp(9, 18),), (255, 255, 255), (255, 255, 255), [FLATTENED]),
    "unknown code": ((cicp(9, 99),), (55, 55, 55), (55, 55, 55), ["a colour description that is not known here was ignored"]),
    "unknown code, then a profile": (
        (cicp(9, 99), iccp(profile("a", 1.0))),
        (55, 55, 55),
        (128, 128, 128),
        [f"{CONVERTED}, a colour description that is not known here was ignored"],
    ),
    "a code of no RGB": ((cicp(9, 13, 9),), (5, 5, 5), (5, 5, 5), ["a colour description that is not known here was ignored"]),
    "no gamma": ((chunk(b"gAMA", bytes(4)),), (5, 5, 5), (5, 5, 5), ["a colour description that is not known here was ignored"]),
    "impossible primaries": (
        (chunk(b"cHRM", struct.pack(">8I", 31270, 32900, *[33000] * 6)),),
        (5, 5, 5),
        (5, 5, 5),
        ["a colour description that is not known here was ignored"],
    ),
    "a broken profile, then a gamma": ((chunk(b"iCCP", b"x\0\0junk"), GAMMA_1), (55, 55, 55), (128, 128, 128), [f"{CONVERTED}, {UNREADABLE}"]),
    "a chunk with a wrong sum": ((GAMMA_1[:-1] + b"!",), (55, 55, 55), (55, 55, 55), []),
}  # fmt: skip


@pytest.mark.parametrize(("chunks", "colour", "wanted", "words"), CHUNKS.values(), ids=CHUNKS)
def test_what_a_png_says_of_its_colours_is_followed(
    chunks: tuple[bytes, ...], colour: Colour, wanted: Colour, words: list[str]
) -> None:
    """First cICP, then iCCP, sRGB, gAMA and cHRM; what cannot be followed is said."""
    image = check_image(insert(flat("RGB", colour), *chunks))
    assert near(pixel(image), wanted, 4)
    assert told(image) == words
    assert not any(name in image.data for name in (b"gAMA", b"cHRM", b"cICP", b"iCCP", b"sRGB"))


def test_hdr_keeps_its_order_and_its_white() -> None:
    """What is brighter stays brighter, and the white of text is nearly white."""
    for transfer in (16, 18):
        ramp = [pixel(check_image(insert(flat("RGB", (v, v, v)), cicp(9, transfer))))[0] for v in range(0, 256, 15)]
        assert ramp == sorted(ramp)
        assert ramp[0] == 0
        assert ramp[-1] == 255
    white = pixel(check_image(insert(flat("RGB", (HDR_WHITE,) * 3), cicp(9, 16))))
    assert 220 <= white[0] <= 250


BROKEN_PROFILES: dict[str, bytes] = {
    "junk": b"not a profile",
    "only a name": b"sRGB IEC61966-2.1",
    "cut": SRGB[:200],
    "a name and no curves": SRGB[:128] + struct.pack(">I", 0),
    "zeros": bytes(3000),
    "of another kind": ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
}


@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("icc", BROKEN_PROFILES.values(), ids=BROKEN_PROFILES)
def test_a_profile_that_cannot_be_used_is_said_and_harmless(icc: bytes, format_name: str) -> None:
    """The picture is taken as it is."""
    image = check_image(flat("RGB", (10, 99, 200), format_name, icc_profile=icc))
    assert near(pixel(image), (10, 99, 200), 6)
    assert told(image) == [UNREADABLE]


def test_a_packed_profile_of_any_size_costs_little() -> None:
    """A profile that unpacks to a hundred megabytes is not unpacked to its end."""
    image = check_image(insert(flat("RGB", (9, 9, 9)), chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(100_000_000)))))
    assert told(image) == [UNREADABLE]


def test_cmyk_is_converted_by_its_profile_or_said() -> None:
    """Without one by the usual sum, and a damaged one is told."""
    image = check_image(flat("CMYK", (0, 200, 200, 0), "JPEG", icc_profile=b"junk"))
    assert told(image) == [UNREADABLE]
    assert "converted from CMYK to RGB" in image.changes
    assert Image.open(io.BytesIO(image.data)).mode == "RGB"


@given(
    primaries=st.integers(0, 255), transfer=st.integers(0, 255), full=st.integers(0, 1), gamma=st.integers(0, 2**32 - 1)
)
@settings(max_examples=60, deadline=None)
def test_any_code_is_converted_or_said(primaries: int, transfer: int, full: int, gamma: int) -> None:
    """No code and no gamma fails, and none is dropped without a word unless it is sRGB."""
    coded = check_image(insert(png(8, 8), cicp(primaries, transfer, 0, full)))
    assert told(coded) or (primaries, transfer, full) == (1, 13, 1)
    check_image(insert(png(8, 8), chunk(b"gAMA", struct.pack(">I", gamma))))


# -- texts, and what is said of the file ---------------------------------------------------------------------------------

LONG = b'{"workflow":"' + b"x" * 1_200_000 + b'"}'
TEXTS: dict[str, Callable[[], list[bytes]]] = {
    "tEXt": lambda: [chunk(b"tEXt", b"workflow\0" + LONG)],
    "zTXt": lambda: [chunk(b"zTXt", b"workflow\0\0" + zlib.compress(LONG))],
    "iTXt": lambda: [chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(LONG))],
    "many": lambda: [chunk(b"zTXt", b"w%d\0\0" % n + packed) for packed in [zlib.compress(LONG)] for n in range(70)],
    "bomb": lambda: [chunk(b"zTXt", b"w\0\0" + zlib.compress(bytes(200_000_000), 1))],
    "not text": lambda: [chunk(b"tEXt", b"\xff" * 90), chunk(b"zTXt", b"a\0\7"), chunk(b"iTXt", b"")],
    "an unknown one": lambda: [chunk(b"caBX", b"provenance")],
    "a wrong sum": lambda: [chunk(b"tEXt", b"a\0b")[:-1] + b"!"],
}


@pytest.mark.parametrize("send_original", [False, True], ids=["cleaned", "original"])
@pytest.mark.parametrize("make", TEXTS.values(), ids=TEXTS)
def test_texts_of_any_length_are_removed(make: Callable[[], list[bytes]], *, send_original: bool) -> None:
    """Before the picture and behind it; the picture stays."""
    texts = make()
    data = insert(encode(two_halves(), "PNG"), *texts)
    data = data[:-12] + b"".join(texts) + data[-12:]
    image = check_image(data, send_original=send_original)
    assert Image.open(io.BytesIO(check_image(data).data)).tobytes() == two_halves().tobytes()
    if send_original:
        assert image.data == data
    else:
        assert "metadata removed" in image.changes
        assert b"workflow" not in image.data


def test_an_orientation_behind_the_picture_counts() -> None:
    """EXIF may stand after the pixels of a PNG."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(two_halves(), "PNG")
    image = check_image(data[:-12] + chunk(b"eXIf", exif.tobytes()[6:]) + data[-12:])
    assert (image.width_px, image.height_px) == (40, 80)
    assert image.changes[:3] == ("re-encoded", "rotated upright", "metadata removed")


def test_what_follows_the_picture_is_said() -> None:
    """A phone's moving photo, or anything else behind the end."""
    for data in (encode(two_halves(), "PNG"), encode(two_halves(), "JPEG")):
        assert "what followed the picture removed" in check_image(data + b"\0\0\0\x18ftypmp42" + bytes(99)).changes
        assert "what followed the picture removed" not in check_image(data).changes


def test_a_picture_that_is_encoded_again_says_so_with_both_sizes() -> None:
    """Nothing that was changed is called unchanged."""
    data = encode(two_halves(400, 200), "JPEG", quality=100) + bytes(150_000)
    image = check_image(data)
    assert image.told.startswith(f"{len(data) / 1e6:.2f} MB → {len(image.data) / 1e3:.1f} kB, re-encoded")
    original = check_image(data, send_original=True)
    assert (original.changes, original.told) == ((), "sent unchanged")


@pytest.mark.parametrize("depth", ["RGB", "RGBA"])
def test_sixteen_bits_a_channel_are_said(depth: str) -> None:
    """The library reads them as eight; that is no secret."""
    kind, channels = {"RGB": (2, 3), "RGBA": (6, 4)}[depth]
    rows = b"".join(b"\0" + struct.pack(f">{channels}H", *[0x8080] * channels) * 4 for _ in range(4))
    head = struct.pack(">IIBBBBB", 4, 4, 16, kind, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert "reduced to 8 bits a channel" in check_image(data).changes


# -- size and memory -----------------------------------------------------------------------------------------------------


def large_jpeg(width: int, height: int, orientation: int = 1, **options: Any) -> bytes:
    """A JPEG of many pixels and few bytes."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(Image.new("L", (width, height), 90).convert("RGB"), "JPEG", exif=exif, **options)


def large_png(width: int, height: int) -> bytes:
    """A PNG of many pixels and few bytes."""
    return encode(Image.new("RGB", (width, height), "teal"), "PNG", compress_level=1)


@pytest.mark.parametrize(
    ("make", "size"),
    [(lambda: large_jpeg(8160, 6144), (4080, 3072)), (lambda: large_jpeg(8160, 6144, 6), (3072, 4080))],
    ids=["upright", "turned"],
)
def test_a_photo_of_fifty_megapixels_is_shrunk_on_request(make: Callable[[], bytes], size: tuple[int, int]) -> None:
    """It is refused with the code that offers to shrink, and that works."""
    data = make()
    with pytest.raises(InvalidRequestError, match="Without shrinking") as caught:
        check_image(data)
    assert caught.value.code == "too_big"
    small = shrink_image(data)
    assert (small.width_px, small.height_px) == size
    assert any("scaled from" in change for change in small.changes)
    assert " → " in small.told


MEASURED = """
import sys
from rivya_core.api import InvalidRequestError, check_image, shrink_image
data = open(sys.argv[1], "rb").read()
try:
    check_image(data)
except InvalidRequestError as error:
    assert error.code == "too_big", error
    shrink_image(data)
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""
LARGEST: dict[str, Callable[[], bytes]] = {
    "upright photo": lambda: large_jpeg(8160, 6120),
    "turned photo": lambda: large_jpeg(7400, 5500, 6),
    "progressive photo": lambda: large_jpeg(8160, 6120, progressive=True),
    "shrunk photo": lambda: large_jpeg(16320, 12240, 6),
    "PNG": lambda: large_png(8160, 6120),
    "shrunk PNG": lambda: large_png(9000, 7200),
    "WebP": lambda: encode(Image.new("RGB", (4600, 3500), "teal"), "WEBP", method=0),
    "lossless WebP": lambda: encode(Image.effect_noise((3100, 2400), 9).convert("RGB"), "WEBP", lossless=True, method=0, quality=0),
    "shrunk WebP": lambda: encode(Image.new("RGBA", (4900, 3700), (9, 99, 99, 99)), "WEBP", method=0),
}  # fmt: skip


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("make", LARGEST.values(), ids=LARGEST)
def test_the_largest_pictures_stay_within_the_memory(make: Callable[[], bytes], tmp_path: Path) -> None:
    """A process that does nothing else stays below 400 MB."""
    path = tmp_path / "picture"
    path.write_bytes(make())
    ran = subprocess.run([sys.executable, "-c", MEASURED, path], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 400_000
