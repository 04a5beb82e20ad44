"""The battery of experiments 1 and 2 on latents of a source: phase 0, models beside closed forms, injection."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sonoscope.contracts import write_json
from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.dynamics.experiment1 import fit_source, write_tables
from sonoscope.dynamics.experiment2 import diagnose
from sonoscope.dynamics.phase0 import build
from sonoscope.dynamics.rollout import StepModel
from sonoscope.dynamics.store import open_parts
from sonoscope.settings.dynamics import Dynamics

FOLDER = "phase1"
"""Where the results of the battery lie, as published."""


def with_battery(settings: Dynamics, max_steps: int | None = None) -> Dynamics:
    """The settings of the battery: its models and updates in the place of those of experiment 1."""
    plain = settings.model_dump()
    plain["fit"]["models"] = list(settings.battery.models)
    steps = max_steps or settings.battery.phase1_max_steps
    if steps is not None:
        plain["fit"]["max_steps"] = steps
    if settings.rollout.model not in settings.battery.models:
        plain["rollout"]["model"] = settings.battery.models[0]
    return Dynamics.model_validate(plain)


def run_battery(
    latents: Sequence[Path],
    index: Sequence[Path],
    frames: Path,
    statistics: Path,
    health: Path,
    metrics: Path,
    settings: Dynamics,
    seed: int,
) -> dict[str, Any]:
    """Everything about one source; files beside ``metrics``, in the published layout.

    Returns
    -------
    dict
        ``injection_diag.json``.
    """
    build(latents, index, frames, statistics, health, settings.window, settings.horizons)
    (part,) = open_parts(latents, frames, statistics, settings.slice)
    checkpoints = metrics.parent / "checkpoints"
    entries = fit_source([part], settings, checkpoints, seed)
    write_json(metrics, entries)
    write_tables(metrics.parent / "tables.csv", entries)
    models: dict[str, tuple[StepModel, int]] = {}
    names = (settings.rollout.model, *(m for m in settings.fit.models if m != settings.rollout.model))
    for name in names:
        model = Ensemble.load(checkpoints / f"{name}_k{settings.rollout.k}_final.safetensors")
        models[name] = (model, len(model.members))
    found, _ = diagnose(part, models, settings, seed)
    write_json(metrics.parent / "injection_diag.json", found)
    return found
