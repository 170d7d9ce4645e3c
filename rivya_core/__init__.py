"""Rivya Lab's core: talk to Rivya Public API v1, run and remember generations, pretend to be Rivya.

Public names are loaded when first used (PEP 562), so that ``import rivya_core.api`` loads neither database nor engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rivya_core.lazy_import import lazy_names
from rivya_core.version import VERSION

if TYPE_CHECKING:
    # fmt: off
    # isort: off
    from rivya_core.api import AsyncRivya as AsyncRivya, GenerationRequest as GenerationRequest, Rivya as Rivya
    from rivya_core.api.errors import RivyaError as RivyaError
    from rivya_core.lab.experiments.axes import Labelled as Labelled
    from rivya_core.lab.experiments.sweep import Sweep as Sweep
    from rivya_core.lab.lab import Lab as Lab
    from rivya_core.lab.ledger.records import GenerationRecord as GenerationRecord, HistoryFilter as HistoryFilter
    from rivya_core.lab.shows.show import Show as Show
    from rivya_core.lab.ledger.states import State as State
    from rivya_core.services import open_lab as open_lab, shared_lab as shared_lab
    from rivya_core.settings import Settings as Settings
    # isort: on
    # fmt: on
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__)

__version__ = VERSION
