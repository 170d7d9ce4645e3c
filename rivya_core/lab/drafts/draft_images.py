"""The reference image of a draft: fit it to the aspect ratio, choose a recent one, report what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rivya_core.api import shrink_image
from rivya_core.api.framing import Frame, has_ratio, ratio_of
from rivya_core.lab.drafts.drafts import DraftImage, Fit, Variant, is_here, keep, load_image
from rivya_core.lab.lab import Lab
from rivya_core.lab.ledger.assets import Asset

RECENT_MAX = 8
_LOOKED_AT = 8 * RECENT_MAX
"""Stored images read to find ``RECENT_MAX`` different ones: a chosen file may have several variants (prepared, fitted)."""


def fit(lab: Lab, image: DraftImage, way: Fit, ratio: object) -> DraftImage:
    """Fit an image to an aspect ratio such as "16:9", starting from the originally chosen bytes if they are stored.

    "as_is" keeps its shape; so does an image that already has that shape, or a value that is no ratio.

    Raises:
        InvalidRequestError: the image cannot be processed. StorageError: it is no longer in the archive.
    """
    plain = replace(image, fit=way, ratio=str(ratio or ""), fitted=None)
    prepared = image.prepared
    if way == "as_is" or ratio_of(ratio) is None or has_ratio(prepared.width_px, prepared.height_px, ratio):
        return plain
    source = image.original or prepared
    resized = shrink_image(
        load_image(lab, source).data, prepared.original_name or prepared.name, frame=Frame(way, str(ratio))
    )
    if source is not prepared or not prepared.original_sha256:
        return replace(plain, fitted=keep(lab, resized))
    chosen = replace(
        resized,
        original_sha256=prepared.original_sha256,
        original_bytes=prepared.original_bytes,
        changes=tuple(dict.fromkeys((*resized.changes, *_earlier(prepared)))),
    )
    return replace(plain, fitted=keep(lab, chosen))


def known_facts(lab: Lab, image: DraftImage) -> DraftImage:
    """Add facts about an image that the archive records and a generation does not: its size and origin."""
    asset = lab.ledger.assets.find(image.sent.sha256)
    return image if asset is None else replace(image, prepared=_variant(asset, image.prepared))


def kept(lab: Lab, sha256: str) -> DraftImage | None:
    """Return the image with this hash as it would be sent, or None when it is not in the archive."""
    asset = lab.ledger.assets.find(sha256)
    image = None if asset is None else DraftImage(_variant(asset))
    return image if image is not None and is_here(lab, image) else None


def recent(lab: Lab, limit: int = RECENT_MAX) -> Sequence[DraftImage]:
    """Return the most recently chosen images, newest first, deduplicated over uses and variants."""
    chosen: dict[str, list[Asset]] = {}
    for asset in lab.ledger.assets.newest(_LOOKED_AT):
        of = asset.sha256 if asset.origin is None else str(asset.origin["sha256"])
        chosen.setdefault(of, []).append(asset)
    return [_of_group(of, assets) for of, assets in chosen.items()][:limit]


def _of_group(chosen_sha256: str, assets: Sequence[Asset]) -> DraftImage:
    """Return the image as first stored; derived variants, such as fits, were stored later."""
    prepared = assets[-1]
    original = next((asset for asset in assets[:-1] if asset.sha256 == chosen_sha256), None)
    return DraftImage(_variant(prepared), None if original is None else _variant(original))


def _variant(asset: Asset, drawn: Variant | None = None) -> Variant:
    origin = asset.origin or {}
    name = str(origin.get("name") or (drawn.original_name if drawn else "") or asset.name)
    return Variant(
        sha256=asset.sha256,
        mime=asset.mime,
        name=drawn.name if drawn else asset.name,
        width_px=asset.width_px or 0,
        height_px=asset.height_px or 0,
        size_bytes=asset.size_bytes,
        changes=tuple(origin.get("changes", ())),
        original_name=name,
        original_sha256=str(origin.get("sha256", "")),
        original_bytes=int(origin.get("size_bytes", 0)),
    )


def _earlier(prepared: Variant) -> tuple[str, ...]:
    return tuple(change for change in prepared.changes if not change.startswith("re-encoded"))
