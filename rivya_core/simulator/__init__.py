"""Room 2: pretending to be Rivya. A real HTTP implementation of the public contract that makes real playable clips.

It shares the contract, the catalogue and the errors with the clients and nothing else, so that it can find their faults.
"""

from __future__ import annotations

from rivya_core.simulator.http.routes import create_app
from rivya_core.simulator.server import SimulatorServer
from rivya_core.simulator.state.tape import Tape, TapedTask
from rivya_core.simulator.state.world import World

__all__ = ["SimulatorServer", "Tape", "TapedTask", "World", "create_app"]
