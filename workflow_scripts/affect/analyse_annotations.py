"""What the annotations say about styles, other properties of songs, and the course of songs; and songs to hear."""

import shutil
from pathlib import Path
from typing import Any

from sonoscope.affect import analysis
from sonoscope.affect.examples import example_rows
from sonoscope.affect.sources import Source
from sonoscope.affect.tally import song_blocks, tally
from sonoscope.contracts import read_json, write_json
from sonoscope.contracts.affect import CORRELATIONS, COURSE, EXAMPLES, SONG_TABLE, STYLES
from sonoscope.job import run
from sonoscope.settings.affect import AnalyseAffect


def main(
    bars: Path, songs: Path, skipped: Path, styles: Path, correlations: Path, course: Path, summary: Path,
    examples: Path, audio: Path, source: str, settings: dict[str, Any], seed: int,
) -> None:  # fmt: skip
    """Write the tables; songs are the unit, each title of an artist counts once."""
    s = AnalyseAffect.model_validate(settings["affect.analysis"])
    once = analysis.one_of_each(SONG_TABLE.read(songs))
    own = tally(song_blocks(bars, set(once.md5)))
    STYLES.write(styles, analysis.styles(once, s, seed))
    CORRELATIONS.write(correlations, analysis.correlations(once, s, seed))
    COURSE.write(course, analysis.course(own, s, seed))
    write_json(summary, analysis.summary(once, own, len(read_json(skipped))))
    shutil.rmtree(audio, ignore_errors=True)
    table = example_rows(once, bars, Source(source), s.examples, s.example_seconds, audio)
    EXAMPLES.write(examples, table)


if __name__ == "__main__":
    run(main, network=True)
