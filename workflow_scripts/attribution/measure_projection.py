"""How much less CPU time the sparse projection takes than a dense matrix, at 3 million parameters and 4096 numbers."""

from pathlib import Path

import torch

from sonoscope import scorecard
from sonoscope.attribution.speed import COORDINATES, DIM, SAMPLES, dense_seconds, gradients, sketch_seconds
from sonoscope.job import run


def main(rows: Path, samples: int) -> dict[str, float]:
    """Write the row of the scorecard; ``samples`` of 64 are timed, and both times grow with them in proportion."""
    torch.set_num_threads(1)
    some = gradients(samples, COORDINATES)
    sparse = sketch_seconds(some, DIM) * SAMPLES / samples
    dense = dense_seconds(some, DIM, 64) * SAMPLES / samples
    row = scorecard.measure(
        "attribution.projection_speedup", dense / sparse, n=samples, target=20.0, sources=("measure_projection",)
    )
    scorecard.write(rows, [row])
    return {"sparse_seconds": sparse, "dense_seconds": dense}


if __name__ == "__main__":
    run(main)
