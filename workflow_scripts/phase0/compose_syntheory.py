"""Compose and render one concept of SynTheory, every cause recorded."""

from pathlib import Path

from sonoscope.contracts.world import CLIPS
from sonoscope.job import run
from sonoscope.settings.world import World
from sonoscope.symbolic.corpus import syntheory_table


def main(clips: Path, concept: str, settings: World, seed: int) -> None:
    """Write the clips of ``concept`` as one table with audio, MIDI, labels and prompts."""
    table = syntheory_table(concept, settings.sample_rate, seed, settings.octave, settings.max_clips)
    CLIPS.write(clips, table, {"sample_rate": str(settings.sample_rate), "octave": settings.octave})


if __name__ == "__main__":
    run(main)
