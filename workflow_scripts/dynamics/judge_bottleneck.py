"""The battery of experiments 1 and 2 on the latents of a bottleneck (experiments 5 and 9)."""

from pathlib import Path
from typing import Any

from sonoscope.dynamics.battery import run_battery, with_battery
from sonoscope.job import run
from sonoscope.settings.dynamics import Dynamics, SliceName


def main(
    latents: Path, index: Path, frames: Path, statistics: Path, health: Path, metrics: Path, settings: Dynamics,
    seed: int, slice: SliceName | None = None, k: int | None = None, phase1_max_steps: int | None = None,
    lr: float | None = None, run_id: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Phase 0 into ``frames`` and ``statistics``; models, tables and the injection diagnostic beside ``metrics``."""
    settings = with_battery(settings.with_options(slice, k, lr=lr, run_id=run_id), phase1_max_steps)
    found = run_battery([latents], [index], frames, statistics, health, metrics, settings, seed)
    return {"part": found["part"], "models": list(settings.fit.models), "run_id": settings.run_id}


if __name__ == "__main__":
    run(main)
