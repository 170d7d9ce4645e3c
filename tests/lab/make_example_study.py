"""How the clips of the first start's finished sweep were made: by the simulator, with a strong effect of ``cfg_scale``.

    .venv/bin/python -m tests.lab.make_example_study rivya_core/assets/examples/study

Only the clips and what was asked for are kept; measuring, voting and judging are done anew in every data folder.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from rivya_core import GenerationRequest, Settings, Sweep, open_lab

PROMPT = "A red fox crosses a frozen lake at dawn, breath in the cold air, slow push in"
NAME = "Example: how much guidance"
QUESTION = "How does cfg_scale change the way the shot moves?"
VALUES = [0, 0.5, 1]
TAKES = 3


def make(folder: Path, into: Path) -> None:
    """Run the sweep in a new data folder and keep its clips."""
    with open_lab(Settings(data_dir=folder, first_start_examples=False, simulator_speed=8)) as lab:
        lab.simulator.world.configure(cfg_effect="strong", credits=9000)
        base = GenerationRequest(prompt=PROMPT, params={"duration": "5", "aspect_ratio": "16:9"})
        lab.start(Sweep(NAME, QUESTION, base, {"cfg_scale": VALUES}, takes=TAKES), experiment_id="xmade")
        lab.wait_sweep("xmade", 600)
        clips: list[dict[str, Any]] = []
        for cell in lab.sweep("xmade").cells:
            for take in cell.takes:
                row = lab.get(str(take.generation_id))
                name = f"{cell.cell}-{take.take}"
                shutil.copyfile(lab.archive.path(str(row.clip_key)), into / f"{name}.mp4")
                assert row.ready_at is not None
                assert row.submitted_at is not None
                clips.append(
                    {
                        "name": name,
                        "cell": cell.cell,
                        "take": take.take,
                        "took_s": round((row.ready_at - row.submitted_at).total_seconds(), 1),
                        "width_px": row.clip_width_px,
                        "height_px": row.clip_height_px,
                        "duration_s": row.clip_duration_s,
                        "fps": row.clip_fps,
                    }
                )
    told: dict[str, Any] = {"name": NAME, "question": QUESTION, "prompt": PROMPT, "params": dict(base.params)}
    told |= {"values": VALUES, "takes": TAKES, "clips": clips}
    (into / "study.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        make(Path(work), Path(sys.argv[1]))
