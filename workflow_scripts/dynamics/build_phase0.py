"""Phase 0: the frames that can be predicted, their slices, and the moments of the training frames."""

from pathlib import Path

from sonoscope.dynamics.phase0 import build
from sonoscope.job import run


def main(
    latents: list[Path], index: list[Path], frames: Path, statistics: Path, health: Path, window: int,
    horizons: list[int],
) -> None:  # fmt: skip
    """Write the table of ``frames``, the ``statistics`` by part, and the ``health`` of the latents."""
    build(latents, index, frames, statistics, health, window, horizons)


if __name__ == "__main__":
    run(main)
