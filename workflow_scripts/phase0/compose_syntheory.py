"""One concept of SynTheory: composed and rendered, every cause recorded, or read from the published set."""

import os
from pathlib import Path

from sonoscope.contracts.skipped import SKIPPED
from sonoscope.contracts.world import CLIPS
from sonoscope.corpora.published_syntheory import published_table
from sonoscope.corpora.skipped import Skipped, skipped_frame
from sonoscope.job import run
from sonoscope.settings.world import World
from sonoscope.symbolic.corpus import syntheory_table


def main(clips: Path, skipped: Path, concept: str, settings: World, seed: int) -> dict[str, int]:
    """Write the clips of ``concept`` as one table with audio, MIDI, labels and prompts."""
    s, left_out = settings, list[Skipped]()
    if s.syntheory is None:
        table = syntheory_table(concept, s.sample_rate, seed, s.octave, s.max_clips, s.size)
    else:
        if not Path(s.syntheory).expanduser().is_dir():
            os.environ["HF_HUB_OFFLINE"] = "0"  # this one job is allowed to ask the network
        table, left_out = published_table(s.syntheory, concept, s.sample_rate, seed, s.octave, s.size, s.max_clips)
    CLIPS.write(clips, table, {"sample_rate": str(s.sample_rate), "octave": s.octave})
    SKIPPED.write(skipped, skipped_frame(left_out))
    return {"clips": len(table), "skipped": len(left_out)}


if __name__ == "__main__":
    run(main)
