"""The client library for Rivya Public API v1: contract, model catalogue, errors, retry rules, a blocking and an async client.

Names are loaded on first use (PEP 562), so that importing the package is cheap and loads neither Pillow nor aiohttp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rivya_core.lazy_import import lazy_names

if TYPE_CHECKING:
    # fmt: off
    # isort: off
    from rivya_core.api.async_client import AsyncRivya as AsyncRivya
    from rivya_core.api.async_media import AsyncMediaClient as AsyncMediaClient
    from rivya_core.api.catalogue import (
        model_spec as model_spec, packaged_models as packaged_models, parse_models as parse_models,
        price_credits as price_credits,
    )
    from rivya_core.api.client import Rivya as Rivya
    from rivya_core.api.contract import (
        DEFAULT_MODEL as DEFAULT_MODEL, Balance as Balance, Effect as Effect, ErrorCode as ErrorCode,
        Generation as Generation, TaskError as TaskError, TaskResult as TaskResult, TaskStatus as TaskStatus,
        UploadedFile as UploadedFile,
    )
    from rivya_core.api.errors import (
        ApiDisabledError as ApiDisabledError, ApiError as ApiError, BudgetError as BudgetError, Charged as Charged,
        ConfigurationError as ConfigurationError, DamagedValueError as DamagedValueError,
        DownloadError as DownloadError, GenerationFailedError as GenerationFailedError,
        IdempotencyConflictError as IdempotencyConflictError, InsufficientCreditsError as InsufficientCreditsError,
        InvalidRequestError as InvalidRequestError, KeyRefusedError as KeyRefusedError, LabError as LabError,
        NotFoundError as NotFoundError, RateLimitedError as RateLimitedError,
        RequestRefusedError as RequestRefusedError, RivyaError as RivyaError, ServerFaultError as ServerFaultError,
        StorageError as StorageError, TransportError as TransportError, UnreadableAnswerError as UnreadableAnswerError,
        WaitTimeoutError as WaitTimeoutError,
    )
    from rivya_core.api.images import (
        ReferenceImage as ReferenceImage, check_image as check_image, shrink_image as shrink_image,
    )
    from rivya_core.api.media import Fetched as Fetched, MediaClient as MediaClient
    from rivya_core.api.prompt_words import shared_words as shared_words
    from rivya_core.api.references import (
        check_reference_items as check_reference_items, reference_item as reference_item,
    )
    from rivya_core.api.request import GenerationRequest as GenerationRequest, prompt_counts as prompt_counts
    from rivya_core.api.retry import (
        Action as Action, Rule as Rule, delay_s as delay_s, limits as limits, parse_retry_after as parse_retry_after,
        rule as rule,
    )
    from rivya_core.api.snippets import as_curl as as_curl, as_json as as_json, as_python as as_python
    from rivya_core.api.specs import (
        KindLimit as KindLimit, ModelSpec as ModelSpec, ParamSpec as ParamSpec, ReferenceRule as ReferenceRule,
    )
    from rivya_core.api.wire import mask_key as mask_key
    # isort: on
    # fmt: on
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__)
