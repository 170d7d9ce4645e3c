"""User-facing messages for an object store's errors: which setting or variable to check. Its own text is never repeated.

The text of a refusal can quote the key's id and the signed request; only its code and status are read.
"""

from __future__ import annotations

import re
from typing import Final

from rivya_core.api.errors import StorageError

FIELD: Final = "archive_url"
_STATUS: Final = re.compile(r"status code: (\d{3})")
_AGAIN: Final = "It is tried again by itself; a clip that waits for it is not lost."
_KEY: Final = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

_FAULTS: Final = tuple(
    (re.compile(pattern), title, detail, hint)
    for pattern, title, detail, hint in (
        (
            "NoSuchBucket",
            "The bucket does not exist",
            "The object store knows no {bucket}.",
            f"Make the bucket, or set RIVYA_ARCHIVE_URL to one that is there. {_AGAIN}",
        ),
        (
            r"169\.254\.|/latest/api/token|/latest/meta-data",
            "The object store needs a key",
            "No key is set, and this machine hands out none.",
            f"Set {_KEY} for this process and start it again.",
        ),
        (
            "InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken|status code: 401",
            "The object store does not accept the key",
            "It refused the signature of a request to {bucket}.",
            f"Check {_KEY}, and AWS_SESSION_TOKEN where one is used. {_AGAIN}",
        ),
        (
            "PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraint|status code: 301",
            "The bucket is in another region",
            "{bucket} is not where it was asked for.",
            f"Set AWS_REGION to the region of the bucket. {_AGAIN}",
        ),
        (
            "RequestTimeTooSkewed",
            "The object store refuses this machine's clock",
            "It differs by more than the store allows.",
            f"Set the clock. {_AGAIN}",
        ),
        (
            "status code: 403",
            "The object store denies access",
            "The key may not do this in {bucket}.",
            f"Allow it GetObject, PutObject, DeleteObject and ListBucket there, or check {_KEY}. {_AGAIN}",
        ),
    )
)
"""What is looked for in a fault, in this order, and its title, detail and hint."""


def fault_of(error: Exception, bucket: str) -> StorageError:
    """Return the StorageError for an error of ``obstore``; ``bucket``: as in the settings."""
    text = str(error)
    return StorageError(*_words(text, bucket), retryable=True, field=FIELD)


def is_missing_bucket(error: Exception) -> bool:
    """True when not the object but its bucket does not exist."""
    return "NoSuchBucket" in str(error)


def _words(text: str, bucket: str) -> tuple[str, str, str]:
    """Return title, detail and hint."""
    for phrase, title, detail, hint in _FAULTS:
        if phrase.search(text):
            return title, detail.format(bucket=bucket), hint
    if (status := _STATUS.search(text)) is not None:
        return (
            "The object store is out of order",
            f"It answered with {status[1]}.",
            f"Wait until it is well, or check AWS_ENDPOINT_URL. {_AGAIN}",
        )
    why = "No connection could be made."
    if re.search(r"kind: Timeout|TimedOut", text):
        why = "It did not answer in time."
    elif "builder error" in text:
        why = "Its address begins with http, which is for this machine only unless AWS_ALLOW_HTTP is true."
    return "The object store cannot be reached", why, f"Check AWS_ENDPOINT_URL and the network. {_AGAIN}"


def gone(key: str, bucket: str) -> StorageError:
    """Build the error of a missing object that a row refers to."""
    return StorageError(
        "A file of the archive is gone",
        f"{key} is missing in {bucket}.",
        "Restore the bucket from its backup; for a clip, 'check now' fetches it again while Rivya keeps it.",
        field="archive",
    )


def other_bytes(key: str, bucket: str) -> StorageError:
    """Build the error of a checksum mismatch after an upload."""
    return StorageError(
        "The object store holds other bytes than were sent",
        f"{key} in {bucket} failed its check.",
        f"Check the store if this happens again. {_AGAIN}",
        retryable=True,
        field=FIELD,
    )


def replaced(key: str) -> StorageError:
    """Build the error of an object that changed between two reads."""
    return StorageError(
        "A file of the archive was replaced while it was read",
        f"{key} has other bytes now.",
        "Ask for it again.",
        retryable=True,
        field=FIELD,
    )
