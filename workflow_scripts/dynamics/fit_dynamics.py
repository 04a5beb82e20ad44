"""Experiment 1: direction and magnitude of the next difference, beside every baseline, at each horizon."""

from pathlib import Path
from typing import Any

from sonoscope.contracts import write_json
from sonoscope.dynamics.experiment1 import fit_source, horizons_of, write_tables
from sonoscope.dynamics.store import open_parts
from sonoscope.job import run
from sonoscope.settings.dynamics import Dynamics, SliceName


def main(
    latents: list[Path], frames: Path, statistics: Path, metrics: Path, tables: Path, checkpoints: Path,
    settings: Dynamics, seed: int, slice: SliceName | None = None, k: int | None = None, max_steps: int | None = None,
    lr: float | None = None, force: bool | None = None, resume: bool | None = None, run_id: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train on every part of a source and write ``metrics.json``, ``tables.csv`` and the final ``checkpoints``.

    The last options are those of the published command line; each wins over the same key of ``settings``.
    """
    settings = settings.with_options(slice, k, max_steps, lr, force, resume, run_id)
    parts = open_parts(latents, frames, statistics, settings.slice)
    entries = fit_source(parts, settings, checkpoints, seed)
    write_json(metrics, entries)
    write_tables(tables, entries)
    return {"parts": [p.name for p in parts], "horizons": list(horizons_of(settings)), "run_id": settings.run_id}


if __name__ == "__main__":
    run(main)
