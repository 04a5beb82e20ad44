"""CPU time of the default projection beside a dense one, and of per-sample gradients beside a plain backward pass."""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from sonoscope.attribution.projections import SJLT

COORDINATES, DIM, SAMPLES = 3_000_000, 4096, 64


def cpu_seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Smallest CPU time of ``rounds`` calls, in seconds."""
    found = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


def gradients(samples: int, coordinates: int) -> Tensor:
    """Stand-ins for gradients ``[samples, coordinates]``: a projection takes as long whatever the numbers are."""
    return torch.randn(samples, coordinates, generator=torch.Generator().manual_seed(0))


def sketch_seconds(rows: Tensor, dim: int) -> float:
    """CPU time of a sketch of all rows, its hashes included."""

    def work() -> None:
        SJLT(dim, 0).sketch("w", rows)

    return cpu_seconds(work)


def dense_seconds(rows: Tensor, dim: int, tried: int) -> float:
    """CPU time of a dense random matrix, drawn and multiplied as the dense projectors of traker and dattri do.

    Measured at ``tried`` columns; it grows with their number in proportion.
    """

    def work() -> None:
        generator = torch.Generator().manual_seed(0)
        matrix = torch.randn(rows.shape[1], tried, generator=generator)
        torch.matmul(rows, matrix)

    return cpu_seconds(work) * dim / tried
