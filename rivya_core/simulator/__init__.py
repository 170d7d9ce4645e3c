"""A simulated Rivya: a real HTTP server for the public contract that makes real, playable clips.

It imports the contract and the model catalogue from ``rivya_core.api`` and nothing else: a check that both sides shared could
not find a fault in the clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rivya_core.lazy_import import lazy_names

if TYPE_CHECKING:
    from rivya_core.simulator.http.routes import create_app as create_app
    from rivya_core.simulator.server import SimulatorServer as SimulatorServer
    from rivya_core.simulator.state.tape import Tape as Tape, TapedTask as TapedTask
    from rivya_core.simulator.state.world import World as World
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__)
