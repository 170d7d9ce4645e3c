"""The stored variants of a chosen image: as chosen, as prepared for sending, and fitted to an aspect ratio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from rivya_core.api.framing import ratio_of
from rivya_core.api.images import describe_changes

Fit = Literal["as_is", "crop", "pad"]


@dataclass(frozen=True, slots=True)
class Variant:
    """One set of image bytes in the archive and what was done to the chosen file (``original_...``) to get them."""

    sha256: str
    mime: str
    name: str
    width_px: int
    height_px: int
    size_bytes: int
    changes: tuple[str, ...] = ()
    original_name: str = ""
    original_sha256: str = ""
    original_bytes: int = 0

    @property
    def told(self) -> str:
        """What was done to the chosen file, with the sizes; "sent unchanged" only of its very bytes, empty when unknown."""
        return describe_changes(
            self.changes,
            original_sha256=self.original_sha256,
            original_bytes=self.original_bytes,
            sha256=self.sha256,
            size_bytes=self.size_bytes,
        )


@dataclass(frozen=True, slots=True)
class DraftImage:
    """The chosen reference image: the bytes as prepared for sending, and the original ones where they may be sent too.

    ``fit`` says how it meets the aspect ratio; ``fitted``: its bytes cropped or padded to ``ratio``, where it had not that
    shape already.
    """

    prepared: Variant
    original: Variant | None = None
    use_original: bool = False
    fit: Fit = "as_is"
    ratio: str = ""
    fitted: Variant | None = None

    @property
    def sent(self) -> Variant:
        """The bytes that will be sent."""
        if self.fit != "as_is" and self.fitted is not None:
            return self.fitted
        return self.original if self.use_original and self.original is not None else self.prepared

    def follows(self, ratio: object) -> bool:
        """Return whether the image is fitted to this aspect ratio, or need not be."""
        return self.fit == "as_is" or ratio_of(ratio) is None or self.ratio == ratio


def read_variant(data: Mapping[str, Any]) -> Variant:
    """Read image bytes from a stored draft or a recorded request. Raises KeyError, TypeError or ValueError."""
    return Variant(
        sha256=str(data["sha256"]),
        mime=str(data["mime"]),
        name=str(data["name"]),
        width_px=int(data["width_px"]),
        height_px=int(data["height_px"]),
        size_bytes=int(data["size_bytes"]),
        changes=tuple(str(change) for change in data.get("changes", ())),
        original_name=str(data.get("original_name", "")),
        original_sha256=str(data.get("original_sha256", "")),
        original_bytes=int(data.get("original_bytes", 0)),
    )


def read_image(data: object) -> DraftImage | None:
    """Read the image of a stored draft; one of an earlier version has no fit. Raises as :func:`read_variant`."""
    if not isinstance(data, Mapping):
        return None
    original, fitted, fit = data.get("original"), data.get("fitted"), data.get("fit", "as_is")
    return DraftImage(
        prepared=read_variant(data["prepared"]),
        original=read_variant(original) if isinstance(original, Mapping) else None,
        use_original=bool(data.get("use_original")),
        fit="as_is" if fit not in get_args(Fit) else fit,
        ratio=str(data.get("ratio") or ""),
        fitted=read_variant(fitted) if isinstance(fitted, Mapping) else None,
    )
