from __future__ import annotations
from pathlib import Path
from rivya_core.simulator.tasks import Task
from rivya_core.simulator.world import World

class ClipMaker:
    def __init__(self, world: World) -> None:
        self._world = world
    async def clip(self, task: Task) -> Path:
        p = self._world.media_dir / "x.mp4"
        p.parent.mkdir(parents=True, exist_ok=True)
        if not p.exists():
            import av, numpy as np
            with av.open(str(p), "w", options={"movflags": "+faststart"}) as c:
                s = c.add_stream("libx264", 24); s.width=640; s.height=360; s.pix_fmt="yuv420p"
                for i in range(120):
                    f = av.VideoFrame.from_ndarray(np.full((360,640,3), i, np.uint8), format="rgb24")
                    c.mux(s.encode(f))
                c.mux(s.encode())
        return p
