"""Room 3: run, remember, judge and show generations. Pages and scripts use ``Lab``, obtained from ``rivya_core.open_lab``."""

from rivya_core.lazy_import import require_lab

__all__: list[str] = []

require_lab(__name__)
