"""The prompts that ask for emotions, shipped or a user's, on one scale."""

from pathlib import Path

from sonoscope.contracts.corpora import PROMPTS
from sonoscope.contracts.skipped import SKIPPED
from sonoscope.corpora.prompt_table import load_prompts
from sonoscope.corpora.skipped import skipped_frame
from sonoscope.job import run
from sonoscope.settings.corpora import Prompts


def main(table: Path, prompts: Path, skipped: Path, settings: Prompts) -> dict[str, int]:
    """Write the usable ``prompts`` of the CSV ``table``, and what was ``skipped``."""
    found, left_out = load_prompts(table, settings.scale)
    PROMPTS.write(prompts, found)
    SKIPPED.write(skipped, skipped_frame(left_out))
    return {"prompts": len(found), "skipped": len(left_out)}


if __name__ == "__main__":
    run(main)
