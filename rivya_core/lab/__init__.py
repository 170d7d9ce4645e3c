"""Room 3: running, remembering, judging. Pages and scripts use ``Lab``, obtained from ``rivya_core.open_lab``."""

__all__: list[str] = []
