"""Read the colour space of a picture and convert it to sRGB, with Pillow's colour management (see ``pixels``).

A profile is judged by what it does to colours, not by its name. PNG has four other ways to describe a colour space; each is
turned into a profile, so that there is one conversion. Sources: W3C PNG (Third Edition) 4.3 and 11.3.2, ITU-T H.273 for the
codes of cICP, ITU-R BT.2100 and BT.2408 for HDR.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageCms

from rivya_core.api.icc_profile import Curve, matrix_profile
from rivya_core.api.png_chunks import chromaticities, unpacked_profile

PROFILE_MAX_BYTES = 16_000_000
CONVERTED = "colours converted to sRGB"
FLATTENED = "HDR colours converted to sRGB, the brightest parts are flattened"
UNREADABLE = "a colour profile that cannot be used was ignored"
UNKNOWN = "a colour description that is not known here was ignored"

_BROKEN = (ImageCms.PyCMSError, OSError, SyntaxError, ValueError, TypeError, struct.error, MemoryError, ArithmeticError)
_GREY = {"L", "LA"}
_D65, _DCI, _C = (0.3127, 0.3290), (0.314, 0.351), (0.310, 0.316)
_SRGB_PRIMARIES = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_PRIMARIES: Mapping[int, tuple[float, ...]] = {  # H.273, table 2: x and y of white, red, green, blue
    1: _SRGB_PRIMARIES,
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (*_DCI, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
_SRGB_GAMMA, _GAMMA_SLACK = 1 / 2.2, 0.05  # libpng takes a difference of 5 % as none
_GAMMAS = (0.05, 20.0)
_SDR_WHITE_NITS, _HDR_PEAK_NITS = 203.0, 1000.0  # BT.2408: reference white; a usual mastering peak
_KNEE = 0.75  # of SDR white; brighter HDR values are compressed towards the peak
_PQ, _HLG = 16, 18


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """The colour space of a picture. profile: ICC profile, None for sRGB. told: what to say after converting. ignored: what was not understood."""

    profile: bytes | None = None
    notice: str = CONVERTED
    ignored: str = ""


def colour_space_of_profile(profile: object, *, is_missing: bool = False) -> ColourSpace:
    """Read the embedded profile of a JPEG or WebP. is_missing: the file has only some of the parts of a profile."""
    if isinstance(profile, bytes) and 0 < len(profile) <= PROFILE_MAX_BYTES:
        return ColourSpace(profile)
    return ColourSpace(ignored=UNREADABLE if profile or is_missing else "")


def colour_space_of_png(chunks: Mapping[bytes, bytes]) -> ColourSpace:
    """Read the colour space of a PNG; of several chunks the first counts of cICP, iCCP, sRGB, gAMA with cHRM (PNG 4.3)."""
    coded = _colour_space_of_codes(chunks[b"cICP"]) if b"cICP" in chunks else None
    if coded is not None and coded.profile is not None:
        return coded
    ignored = coded.ignored if coded is not None else ""
    if b"iCCP" in chunks:
        profile = unpacked_profile(chunks[b"iCCP"], PROFILE_MAX_BYTES)
        if profile is not None and _usable(profile):
            return ColourSpace(profile, ignored=ignored)
        ignored = UNREADABLE
    if b"sRGB" in chunks or not {b"gAMA", b"cHRM"} & set(chunks):
        return ColourSpace(ignored=ignored)
    return _colour_space_of_gamma(chunks, ignored)


def _colour_space_of_gamma(chunks: Mapping[bytes, bytes], ignored: str) -> ColourSpace:
    primaries = chromaticities(chunks.get(b"cHRM", b""))
    gamma = int.from_bytes(chunks.get(b"gAMA", b"")[:4], "big") / 100_000 if b"gAMA" in chunks else _SRGB_GAMMA
    if not gamma or not _GAMMAS[0] <= 1 / gamma <= _GAMMAS[1]:
        return ColourSpace(ignored=UNKNOWN)
    usual = abs(gamma / _SRGB_GAMMA - 1) < _GAMMA_SLACK
    plain = primaries is None or all(abs(a - b) < 0.005 for a, b in zip(primaries, _SRGB_PRIMARIES, strict=True))  # noqa: PLR2004
    if usual and plain:
        return ColourSpace(ignored=ignored)
    curve = _srgb_curve if b"gAMA" not in chunks else lambda value: value ** (1 / gamma)
    try:
        return ColourSpace(matrix_profile(primaries or _SRGB_PRIMARIES, curve), ignored=ignored)
    except _BROKEN:
        return ColourSpace(ignored=UNKNOWN)


def _colour_space_of_codes(body: bytes) -> ColourSpace:
    if len(body) != 4 or body[0] not in _PRIMARIES or body[1] not in _curves() or body[2]:  # noqa: PLR2004 - bytes of cICP
        return ColourSpace(ignored=UNKNOWN)
    curve = _curves()[body[1]]
    if not body[3]:  # narrow range: 16 is black and 235 is white
        full = curve
        curve = lambda value: full(min(1.0, max(0.0, (value * 255 - 16) / 219)))  # noqa: E731
    return ColourSpace(matrix_profile(_PRIMARIES[body[0]], curve), FLATTENED if body[1] in {_PQ, _HLG} else CONVERTED)


# -- transfer curves: stored value, 0 to 1, to light, 0 to 1 ----------------------------------------------------------


@cache
def _curves() -> Mapping[int, Curve]:
    """The transfer characteristics of H.273, table 3, by their code."""
    of_video = dict.fromkeys((1, 6, 14, 15), _video_curve)
    return of_video | {
        4: lambda value: value**2.2,
        5: lambda value: value**2.8,
        8: lambda value: value,
        13: _srgb_curve,
        _PQ: lambda value: _flattened(_pq_nits(value)),
        _HLG: lambda value: _flattened(_hlg_nits(value)),
    }


def _srgb_curve(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - IEC 61966-2-1


def _video_curve(value: float) -> float:
    return value / 4.5 if value < 0.081 else ((value + 0.099) / 1.099) ** (1 / 0.45)  # noqa: PLR2004 - BT.709


def _pq_nits(value: float) -> float:
    root = value ** (32 / 2523)
    return 10_000.0 * float((max(root - 3424 / 4096, 0.0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610))


def _hlg_nits(value: float) -> float:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = value**2 / 3 if value <= 0.5 else (2.718281828459045 ** ((value - c) / a) + b) / 12  # noqa: PLR2004 - BT.2100
    return _HDR_PEAK_NITS * float(scene**1.2)


def _flattened(nits: float) -> float:
    """Tone-map light brighter than the knee into the range up to white."""
    light, peak = nits / _SDR_WHITE_NITS, _HDR_PEAK_NITS / _SDR_WHITE_NITS
    if light <= _KNEE:
        return light
    over, room = min(light, peak) - _KNEE, 1.0 - _KNEE
    headroom = peak - _KNEE
    bend = (headroom - room) / (headroom * room)
    return _KNEE + over / (1 + bend * over)


# -- conversion ----------------------------------------------------------------------------------------------------------


def to_srgb(image: Image.Image, colours: ColourSpace) -> tuple[Image.Image, str]:
    """Convert a picture (L, LA, P, RGB, RGBA or CMYK) to sRGB, in place where its mode allows.

    Returns:
        The picture, and what to tell the user; empty when nothing was done.
    """
    if colours.profile is None:
        return image, colours.ignored
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(colours.profile))
        space = source.profile.xcolor_space.strip()
        if space != "CMYK" and _changes_nothing(source, space):
            return image, colours.ignored
        converted = _converted(image, source, space)
    except _BROKEN:
        return image, UNREADABLE
    if converted is None:
        return image, UNREADABLE
    return converted, ", ".join(filter(None, (colours.notice, colours.ignored)))


def _converted(image: Image.Image, source: ImageCms.ImageCmsProfile, space: str) -> Image.Image | None:
    # conversion would change the colour key that marks transparent pixels
    if "transparency" in image.info and image.mode in {"L", "RGB"}:
        image = image.convert({"L": "LA", "RGB": "RGBA"}[image.mode])
    if image.mode in _GREY and space in {"GRAY", "RGB"}:
        table = grey_table(source, space)
        return image.point([*table, *range(256)] if image.mode == "LA" else table)
    if image.mode == "P" and space == "RGB":
        return _with_palette(image, source)
    if image.mode in {"RGB", "RGBA"} and space == "RGB":
        ImageCms.applyTransform(image, _transform(source, image.mode, image.mode), inPlace=True)
        return image
    if image.mode == "CMYK" and space == "CMYK":
        return ImageCms.applyTransform(image, _transform(source, "CMYK", "RGB"))
    return None


def grey_table(source: ImageCms.ImageCmsProfile, space: str) -> list[int]:
    """Return the sRGB value of each of the 256 greys under a profile; ``space`` is "GRAY" or "RGB"."""
    ramp = Image.frombytes("L", (256, 1), bytes(range(256)))
    mode = "L" if space == "GRAY" else "RGB"
    out = ImageCms.applyTransform(ramp.convert(mode), _transform(source, mode, "RGB"))
    assert out is not None  # None is returned in place only
    return list(out.getchannel("G").tobytes())


def _with_palette(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    colours = bytes(image.getpalette("RGB") or ())
    entries = Image.frombytes("RGB", (len(colours) // 3, 1), colours)
    ImageCms.applyTransform(entries, _transform(source, "RGB", "RGB"), inPlace=True)
    image.putpalette(entries.tobytes())
    return image


def _transform(source: ImageCms.ImageCmsProfile, mode: str, target: str) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(source, _srgb(), mode, target)


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _usable(profile: bytes) -> bool:
    """Return whether a transform can be built from a profile."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}[source.profile.xcolor_space.strip()]
        _transform(source, mode, "RGB")
    except (*_BROKEN, KeyError):
        return False
    return True


def _changes_nothing(source: ImageCms.ImageCmsProfile, space: str) -> bool:
    """Return whether a profile has no effect: all greys and a cube of colours stay within one step."""
    if space == "GRAY":
        return all(abs(out - grey) <= 1 for grey, out in enumerate(grey_table(source, space)))
    steps = range(0, 256, 51)
    cube = [value for red in steps for green in steps for blue in steps for value in (red, green, blue)]
    before = bytes([*(grey for grey in range(256) for _ in range(3)), *cube])
    points = Image.frombytes("RGB", (len(before) // 3, 1), before)
    ImageCms.applyTransform(points, _transform(source, "RGB", "RGB"), inPlace=True)
    return all(abs(a - b) <= 1 for a, b in zip(before, points.tobytes(), strict=True))
