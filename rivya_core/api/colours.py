"""What the numbers of a picture mean as colours, and their conversion to sRGB. Uses Pillow's colour management; see ``pixels``.

A profile is judged by what it does to colours, never by its name. PNG says it in four other ways as well; each becomes a
profile here, so that there is one conversion. Sources: W3C PNG (Third Edition) 4.3 and 11.3.2, ITU-T H.273 for the
codes of cICP, ITU-R BT.2100 and BT.2408 for HDR, ICC.1:2022 for the bytes of a profile.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageCms

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
_KNEE = 0.75  # of SDR white; above, HDR is bent towards the peak
_PQ, _HLG = 16, 18
_SAMPLES = 256
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))

Matrix = tuple[tuple[float, float, float], ...]
Curve = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Look:
    """How to read a picture's colours: ``profile`` (None: as sRGB), what to say once converted, and what was not understood."""

    profile: bytes | None = None
    told: str = CONVERTED
    ignored: str = ""


def look_of_profile(profile: object, *, is_missing: bool = False) -> Look:
    """Read the embedded profile of a JPEG or WebP; ``is_missing``: the file has parts of one that do not make a whole."""
    if isinstance(profile, bytes) and 0 < len(profile) <= PROFILE_MAX_BYTES:
        return Look(profile)
    return Look(ignored=UNREADABLE if profile or is_missing else "")


def look_of_png(chunks: Mapping[bytes, bytes]) -> Look:
    """Read what a PNG says of its colours: cICP before iCCP before sRGB before gAMA and cHRM."""
    coded = _look_of_codes(chunks[b"cICP"]) if b"cICP" in chunks else None
    if coded is not None and coded.profile is not None:
        return coded
    ignored = coded.ignored if coded is not None else ""
    if b"iCCP" in chunks:
        profile = unpacked_profile(chunks[b"iCCP"], PROFILE_MAX_BYTES)
        if profile is not None and _usable(profile):
            return Look(profile, ignored=ignored)
        ignored = UNREADABLE
    if b"sRGB" in chunks or not {b"gAMA", b"cHRM"} & set(chunks):
        return Look(ignored=ignored)
    return _look_of_gamma(chunks, ignored)


def _look_of_gamma(chunks: Mapping[bytes, bytes], ignored: str) -> Look:
    primaries = chromaticities(chunks.get(b"cHRM", b""))
    gamma = int.from_bytes(chunks.get(b"gAMA", b"")[:4], "big") / 100_000 if b"gAMA" in chunks else _SRGB_GAMMA
    if not gamma or not _GAMMAS[0] <= 1 / gamma <= _GAMMAS[1]:
        return Look(ignored=UNKNOWN)
    usual = abs(gamma / _SRGB_GAMMA - 1) < _GAMMA_SLACK
    plain = primaries is None or all(abs(a - b) < 0.005 for a, b in zip(primaries, _SRGB_PRIMARIES, strict=True))  # noqa: PLR2004
    if usual and plain:
        return Look(ignored=ignored)
    curve = _srgb_curve if b"gAMA" not in chunks else lambda value: value ** (1 / gamma)
    try:
        return Look(_matrix_profile(primaries or _SRGB_PRIMARIES, curve), ignored=ignored)
    except _BROKEN:
        return Look(ignored=UNKNOWN)


def _look_of_codes(body: bytes) -> Look:
    if len(body) != 4 or body[0] not in _PRIMARIES or body[1] not in _curves() or body[2]:  # noqa: PLR2004 - bytes of cICP
        return Look(ignored=UNKNOWN)
    curve = _curves()[body[1]]
    if not body[3]:  # narrow range: 16 is black and 235 is white
        full = curve
        curve = lambda value: full(min(1.0, max(0.0, (value * 255 - 16) / 219)))  # noqa: E731
    return Look(_matrix_profile(_PRIMARIES[body[0]], curve), FLATTENED if body[1] in {_PQ, _HLG} else CONVERTED)


# -- curves: from the stored number, 0 to 1, to light, 0 to 1 ----------------------------------------------------------


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
    """Bend what is brighter than white into the range that is left above the knee."""
    light, peak = nits / _SDR_WHITE_NITS, _HDR_PEAK_NITS / _SDR_WHITE_NITS
    if light <= _KNEE:
        return light
    over, room = min(light, peak) - _KNEE, 1.0 - _KNEE
    most = peak - _KNEE
    bend = (most - room) / (most * room)
    return _KNEE + over / (1 + bend * over)


# -- conversion ----------------------------------------------------------------------------------------------------------


def to_srgb(image: Image.Image, look: Look) -> tuple[Image.Image, str]:
    """Convert a picture (L, LA, P, RGB, RGBA or CMYK) to sRGB, in place where its mode allows; it, and what to say of it."""
    if look.profile is None:
        return image, look.ignored
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(look.profile))
        space = source.profile.xcolor_space.strip()
        if space != "CMYK" and _changes_nothing(source, space):
            return image, look.ignored
        converted = _converted(image, source, space)
    except _BROKEN:
        return image, UNREADABLE
    if converted is None:
        return image, UNREADABLE
    return converted, ", ".join(filter(None, (look.told, look.ignored)))


def _converted(image: Image.Image, source: ImageCms.ImageCmsProfile, space: str) -> Image.Image | None:
    if "transparency" in image.info and image.mode in {
        "L",
        "RGB",
    }:  # a colour that stands for "clear" would not stay the same one
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
    """Return what each of the 256 greys becomes; of a profile for colours, its neutral ones."""
    ramp = Image.frombytes("L", (256, 1), bytes(range(256)))
    mode = "L" if space == "GRAY" else "RGB"
    out = ImageCms.applyTransform(ramp.convert(mode), _transform(source, mode, "RGB"))
    assert out is not None  # only the form in place returns none
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
    """Tell whether a transform can be built from a profile."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}[source.profile.xcolor_space.strip()]
        _transform(source, mode, "RGB")
    except (*_BROKEN, KeyError):
        return False
    return True


def _changes_nothing(source: ImageCms.ImageCmsProfile, space: str) -> bool:
    """Tell whether a profile is sRGB in what it does: greys and a cube of colours stay, but for rounding."""
    if space == "GRAY":
        return all(abs(out - grey) <= 1 for grey, out in enumerate(grey_table(source, space)))
    steps = range(0, 256, 51)
    cube = [value for red in steps for green in steps for blue in steps for value in (red, green, blue)]
    before = bytes([*(grey for grey in range(256) for _ in range(3)), *cube])
    points = Image.frombytes("RGB", (len(before) // 3, 1), before)
    ImageCms.applyTransform(points, _transform(source, "RGB", "RGB"), inPlace=True)
    return all(abs(a - b) <= 1 for a, b in zip(before, points.tobytes(), strict=True))


# -- profiles made here --------------------------------------------------------------------------------------------------


def _matrix_profile(primaries: tuple[float, ...], curve: Curve) -> bytes:
    """Write an RGB profile: x and y of white, red, green and blue, and one curve for all three."""
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
    """Return XYZ of red, green and blue under D50, from their x and y and that of their white."""
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
