"""The one exception by which the simulator refuses a request; ``http/request_pipeline.py`` turns it into the error envelope."""

from __future__ import annotations

from collections.abc import Mapping

from rivya_core.api.contract import ERROR_CODES


class RefusedError(Exception):
    """Refuse a request with a documented code.

    status: the HTTP status; without one, that of the code (docs/api-errors-and-limits), or 400 for a code that names none.
    headers: further headers of the answer, such as ``Retry-After``.
    """

    def __init__(
        self, code: str, message: str, *, status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code, message)
        known = ERROR_CODES.get(code)
        self.code = code
        self.message = message
        self.status = status or (known.http if known else None) or 400
        self.headers = dict(headers or {})
