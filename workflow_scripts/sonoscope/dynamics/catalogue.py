"""The known-answer processes that the dynamics study runs through its own rules."""

import torch

from sonoscope.dynamics.linear import autoregression, independent_frames, random_autoregression
from sonoscope.dynamics.processes import Process
from sonoscope.dynamics.repeated import repeated_frame
from sonoscope.dynamics.switching import switching_directions
from sonoscope.dynamics.walks import DirectionWalk


def known_processes(dim: int, seed: int) -> dict[str, Process]:
    """Processes of ``dim`` dimensions by name; those with random parts draw them from ``seed``."""
    generator = torch.Generator().manual_seed(seed)
    processes: tuple[Process, ...] = (
        independent_frames(dim),
        autoregression(dim, 0.3),
        autoregression(dim, 0.6),
        autoregression(dim, 0.9),
        random_autoregression(dim, generator),
        DirectionWalk(dim, concentration=2.5 * dim),
        switching_directions(dim, min(8, dim), generator),
        repeated_frame(dim, generator),
    )
    return {p.name: p for p in processes}
