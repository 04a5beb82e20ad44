"""Experiment 2: the injection diagnostic, by tracking and by distribution."""

from pathlib import Path
from typing import Any

from sonoscope.contracts import write_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics.checkpoints import load_rolled
from sonoscope.dynamics.experiment2 import diagnose, per_step_table
from sonoscope.dynamics.plots import draw_per_step
from sonoscope.dynamics.store import open_parts
from sonoscope.job import run
from sonoscope.settings.dynamics import Dynamics, SliceName


def main(
    latents: list[Path], frames: Path, statistics: Path, checkpoints: Path, metrics: Path, diagnostic: Path,
    per_step: Path, plots: Path, settings: Dynamics, seed: int, slice: SliceName | None = None,
    k: int | None = None, run_id: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write the diagnostic of every part: ``metrics.json`` and ``injection_diag.json`` alike, table and plots."""
    settings = settings.with_options(slice_name=slice, k=k, run_id=run_id)
    parts = open_parts(latents, frames, statistics, settings.slice)
    found, rows = [], []
    for part in parts:
        model = load_rolled(checkpoints, part.name, len(parts) > 1, settings)
        one, own = diagnose(part, {settings.rollout.model: (model, len(model.members))}, settings, seed)
        found.append(one)
        rows += own
    write_json(diagnostic, found[0] if len(found) == 1 else found)
    write_json(metrics, found)
    table = per_step_table(rows)
    write_csv(per_step, table)
    draw_per_step(plots, table)
    return {"parts": [p.name for p in parts], "horizon": settings.rollout.k, "run_id": settings.run_id}


if __name__ == "__main__":
    run(main)
