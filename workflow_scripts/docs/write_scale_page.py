"""Write docs/scale.md: jobs, hours and storage of full-scale runs, from dry runs and measured constants."""

from pathlib import Path

from sonoscope import storage
from sonoscope.contracts import read_json
from sonoscope.job import run
from sonoscope.scale.page import write_page
from sonoscope.scale.scenarios import generated_clips
from sonoscope.symbolic import syntheory


def main(
    constants: Path = storage.WORKFLOW / "docs/measured/constants.json", page: Path = storage.WORKFLOW / "docs/scale.md"
) -> None:
    """Plan every scenario and write ``page`` from ``constants``."""
    clips = sum(len(syntheory.compose(concept, 0, "corrected", "full")) for concept in syntheory.CONCEPTS)
    write_page(page, read_json(constants), clips, generated_clips())


if __name__ == "__main__":
    run(main)
