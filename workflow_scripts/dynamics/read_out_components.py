"""Experiment 4: the battery on principal components, and the full model seen through the same components."""

from pathlib import Path

import torch

from sonoscope.contracts import write_json
from sonoscope.contracts.csv import write_csv
from sonoscope.contracts.dynamics import COMPONENTS
from sonoscope.dynamics.experiment4 import fit_components, read_out
from sonoscope.dynamics.store import open_parts
from sonoscope.job import run
from sonoscope.settings.dynamics import Dynamics, SliceName


def main(
    latents: list[Path], frames: Path, statistics: Path, checkpoints: Path, components: Path, summary: Path,
    metrics: Path, diagnostic: Path, settings: Dynamics, seed: int, slice: SliceName | None = None,
    k: int | None = None, max_steps: int | None = None, lr: float | None = None, force: bool | None = None,
    resume: bool | None = None, run_id: str | None = None,
) -> dict[str, float]:  # fmt: skip
    """Fit on training speakers, train on each projection, and write ``summary.csv``, metrics and rollouts of each."""
    settings = settings.with_options(slice, k, max_steps, lr, force, resume, run_id)
    part = open_parts(latents, frames, statistics, settings.slice)[0]
    found = fit_components(part, max(settings.read_out.pca_dims), settings.read_out.chunk)
    COMPONENTS.write(components, found, {"source": part.name, "chunk": str(settings.read_out.chunk)})
    rows, mean = torch.from_numpy(found["components"]), torch.from_numpy(found["mean"])
    result = read_out(part, rows, mean, checkpoints, metrics.parent, settings, seed)
    write_csv(summary, result.summary)
    write_json(metrics, result.entries)
    write_json(diagnostic, result.diagnostics)
    return result.kept


if __name__ == "__main__":
    run(main)
