"""One store of what all jobs embedded, with the same bytes however many there were."""

from pathlib import Path

from sonoscope.attribution.tasks import merge_parts
from sonoscope.job import run


def main(parts: list[Path], stores: Path) -> dict[str, int]:
    """Write the stores beside ``stores``, which counts their rows."""
    return merge_parts(parts, stores)


if __name__ == "__main__":
    run(main)
