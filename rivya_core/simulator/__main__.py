"""Run the simulator alone: ``python -m rivya_core.simulator --port 8700 --speed 10``."""

from __future__ import annotations

import argparse
import signal
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

try:
    from rivya_core.simulator import SimulatorServer
except ImportError as error:
    raise SystemExit(str(error)) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the address and a key, and serve until SIGINT or SIGTERM. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m rivya_core.simulator", description="A Rivya API to practise on.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--speed", type=float, default=1.0, help="divides the time a generation takes")
    parser.add_argument("--credits", type=int, default=4800, help="wallet of a new world")
    parser.add_argument("--seed", type=int, default=0, help="seed of times and failures of a new world")
    parser.add_argument("--key", help="a key that the world knows, besides its own; begins with rvya_sk_")
    parser.add_argument("--world", type=Path, help="file that keeps the world; without it the world is thrown away")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="rivya-simulator-") as folder:
        server = SimulatorServer(
            chosen.world or Path(folder) / "world.sqlite",
            speed=chosen.speed,
            credits=chosen.credits,
            seed=chosen.seed,
            port=chosen.port,
        )
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        with server:
            try:
                key = server.world.add_key(chosen.key) if chosen.key else server.api_key
            except ValueError as error:
                parser.error(str(error))
            print(f"RIVYA_BASE_URL={server.base_url}", flush=True)
            print(f"RIVYA_API_KEY={key}", flush=True)
            print("RIVYA_SIMULATED=1", flush=True)
            stopped.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
