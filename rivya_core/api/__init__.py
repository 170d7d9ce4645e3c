"""Talking to Rivya: the contract, the model catalogue, the errors, the retry rules, the two clients.

Names are loaded when they are first used (PEP 562), so that importing this room costs little and loads neither Pillow nor
aiohttp. Everything outside the room imports from here or from the module that decides the matter.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rivya_core.api.async_client import AsyncRivya as AsyncRivya
    from rivya_core.api.async_media import AsyncMediaClient as AsyncMediaClient
    from rivya_core.api.catalogue import (
        model_spec as model_spec,
    )
    from rivya_core.api.catalogue import (
        packaged_models as packaged_models,
    )
    from rivya_core.api.catalogue import (
        parse_models as parse_models,
    )
    from rivya_core.api.catalogue import (
        price_credits as price_credits,
    )
    from rivya_core.api.client import Rivya as Rivya
    from rivya_core.api.contract import (
        DEFAULT_MODEL as DEFAULT_MODEL,
    )
    from rivya_core.api.contract import (
        Balance as Balance,
    )
    from rivya_core.api.contract import (
        Effect as Effect,
    )
    from rivya_core.api.contract import (
        ErrorCode as ErrorCode,
    )
    from rivya_core.api.contract import (
        Generation as Generation,
    )
    from rivya_core.api.contract import (
        TaskError as TaskError,
    )
    from rivya_core.api.contract import (
        TaskResult as TaskResult,
    )
    from rivya_core.api.contract import (
        TaskStatus as TaskStatus,
    )
    from rivya_core.api.contract import (
        UploadedFile as UploadedFile,
    )
    from rivya_core.api.errors import (
        ApiDisabledError as ApiDisabledError,
    )
    from rivya_core.api.errors import (
        ApiError as ApiError,
    )
    from rivya_core.api.errors import (
        BudgetError as BudgetError,
    )
    from rivya_core.api.errors import (
        Charged as Charged,
    )
    from rivya_core.api.errors import (
        ConfigurationError as ConfigurationError,
    )
    from rivya_core.api.errors import (
        DamagedValueError as DamagedValueError,
    )
    from rivya_core.api.errors import (
        DownloadError as DownloadError,
    )
    from rivya_core.api.errors import (
        GenerationFailedError as GenerationFailedError,
    )
    from rivya_core.api.errors import (
        IdempotencyConflictError as IdempotencyConflictError,
    )
    from rivya_core.api.errors import (
        InsufficientCreditsError as InsufficientCreditsError,
    )
    from rivya_core.api.errors import (
        InvalidRequestError as InvalidRequestError,
    )
    from rivya_core.api.errors import (
        KeyRefusedError as KeyRefusedError,
    )
    from rivya_core.api.errors import (
        LabError as LabError,
    )
    from rivya_core.api.errors import (
        NotFoundError as NotFoundError,
    )
    from rivya_core.api.errors import (
        RateLimitedError as RateLimitedError,
    )
    from rivya_core.api.errors import (
        RequestRefusedError as RequestRefusedError,
    )
    from rivya_core.api.errors import (
        RivyaError as RivyaError,
    )
    from rivya_core.api.errors import (
        ServerFaultError as ServerFaultError,
    )
    from rivya_core.api.errors import (
        StorageError as StorageError,
    )
    from rivya_core.api.errors import (
        TransportError as TransportError,
    )
    from rivya_core.api.errors import (
        UnreadableAnswerError as UnreadableAnswerError,
    )
    from rivya_core.api.errors import (
        WaitTimeoutError as WaitTimeoutError,
    )
    from rivya_core.api.images import (
        ReferenceImage as ReferenceImage,
    )
    from rivya_core.api.images import (
        check_image as check_image,
    )
    from rivya_core.api.images import (
        shrink_image as shrink_image,
    )
    from rivya_core.api.media import Fetched as Fetched
    from rivya_core.api.media import MediaClient as MediaClient
    from rivya_core.api.prompt_words import shared_words as shared_words
    from rivya_core.api.references import (
        check_reference_items as check_reference_items,
    )
    from rivya_core.api.references import (
        reference_item as reference_item,
    )
    from rivya_core.api.request import GenerationRequest as GenerationRequest
    from rivya_core.api.request import prompt_counts as prompt_counts
    from rivya_core.api.retry import (
        Action as Action,
    )
    from rivya_core.api.retry import (
        Rule as Rule,
    )
    from rivya_core.api.retry import (
        delay_s as delay_s,
    )
    from rivya_core.api.retry import (
        limits as limits,
    )
    from rivya_core.api.retry import (
        parse_retry_after as parse_retry_after,
    )
    from rivya_core.api.retry import (
        rule as rule,
    )
    from rivya_core.api.snippets import as_curl as as_curl
    from rivya_core.api.snippets import as_json as as_json
    from rivya_core.api.snippets import as_python as as_python
    from rivya_core.api.specs import (
        KindLimit as KindLimit,
    )
    from rivya_core.api.specs import (
        ModelSpec as ModelSpec,
    )
    from rivya_core.api.specs import (
        ParamSpec as ParamSpec,
    )
    from rivya_core.api.specs import (
        ReferenceRule as ReferenceRule,
    )
    from rivya_core.api.wire import mask_key as mask_key

__all__ = [  # noqa: RUF022 - plain order, capitals first
    "Action",
    "ApiDisabledError",
    "ApiError",
    "AsyncMediaClient",
    "AsyncRivya",
    "Balance",
    "BudgetError",
    "Charged",
    "ConfigurationError",
    "DEFAULT_MODEL",
    "DamagedValueError",
    "DownloadError",
    "Effect",
    "ErrorCode",
    "Fetched",
    "Generation",
    "GenerationFailedError",
    "GenerationRequest",
    "IdempotencyConflictError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "KeyRefusedError",
    "KindLimit",
    "LabError",
    "MediaClient",
    "ModelSpec",
    "NotFoundError",
    "ParamSpec",
    "RateLimitedError",
    "ReferenceImage",
    "ReferenceRule",
    "RequestRefusedError",
    "Rivya",
    "RivyaError",
    "Rule",
    "ServerFaultError",
    "StorageError",
    "TaskError",
    "TaskResult",
    "TaskStatus",
    "TransportError",
    "UnreadableAnswerError",
    "UploadedFile",
    "WaitTimeoutError",
    "as_curl",
    "as_json",
    "as_python",
    "check_image",
    "check_reference_items",
    "delay_s",
    "limits",
    "mask_key",
    "model_spec",
    "packaged_models",
    "parse_models",
    "parse_retry_after",
    "price_credits",
    "prompt_counts",
    "reference_item",
    "rule",
    "shared_words",
    "shrink_image",
]

_HOMES = {
    "Action": "retry",
    "ApiDisabledError": "errors",
    "ApiError": "errors",
    "AsyncMediaClient": "async_media",
    "AsyncRivya": "async_client",
    "Balance": "contract",
    "BudgetError": "errors",
    "Charged": "errors",
    "ConfigurationError": "errors",
    "DamagedValueError": "errors",
    "DEFAULT_MODEL": "contract",
    "DownloadError": "errors",
    "Effect": "contract",
    "ErrorCode": "contract",
    "Fetched": "media",
    "Generation": "contract",
    "GenerationFailedError": "errors",
    "GenerationRequest": "request",
    "IdempotencyConflictError": "errors",
    "InsufficientCreditsError": "errors",
    "InvalidRequestError": "errors",
    "KeyRefusedError": "errors",
    "KindLimit": "specs",
    "LabError": "errors",
    "MediaClient": "media",
    "ModelSpec": "specs",
    "NotFoundError": "errors",
    "ParamSpec": "specs",
    "RateLimitedError": "errors",
    "ReferenceImage": "images",
    "ReferenceRule": "specs",
    "RequestRefusedError": "errors",
    "Rivya": "client",
    "RivyaError": "errors",
    "Rule": "retry",
    "ServerFaultError": "errors",
    "StorageError": "errors",
    "TaskError": "contract",
    "TaskResult": "contract",
    "TaskStatus": "contract",
    "TransportError": "errors",
    "UnreadableAnswerError": "errors",
    "UploadedFile": "contract",
    "WaitTimeoutError": "errors",
    "as_curl": "snippets",
    "as_json": "snippets",
    "as_python": "snippets",
    "check_image": "images",
    "check_reference_items": "references",
    "delay_s": "retry",
    "limits": "retry",
    "mask_key": "wire",
    "model_spec": "catalogue",
    "packaged_models": "catalogue",
    "parse_models": "catalogue",
    "parse_retry_after": "retry",
    "price_credits": "catalogue",
    "prompt_counts": "request",
    "reference_item": "references",
    "rule": "retry",
    "shared_words": "prompt_words",
    "shrink_image": "images",
}


def __getattr__(name: str) -> object:
    """Load a public name from the module that holds it."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
