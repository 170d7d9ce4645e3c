"""Room 2: pretending to be Rivya. A real HTTP implementation of the public contract that makes real playable clips.

It shares the contract, the catalogue and the errors with the clients and nothing else, so that it can find their faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rivya_core.lazy_import import lazy_names

if TYPE_CHECKING:
    from rivya_core.simulator.http.routes import create_app as create_app
    from rivya_core.simulator.server import SimulatorServer as SimulatorServer
    from rivya_core.simulator.state.tape import Tape as Tape
    from rivya_core.simulator.state.tape import TapedTask as TapedTask
    from rivya_core.simulator.state.world import World as World
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__)
