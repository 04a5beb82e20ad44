"""List the utterances of a speech corpus, with splits by speaker; damaged ones get a line instead."""

from pathlib import Path

import numpy as np

from sonoscope.contracts.skipped import SKIPPED
from sonoscope.contracts.speech import UTTERANCES
from sonoscope.corpora.skipped import skipped_frame
from sonoscope.corpora.speech import SAMPLE_RATE, folder_of, load_librispeech, split_by_speaker
from sonoscope.job import run
from sonoscope.settings.speech import Speech


def main(corpus: list[Path], utterances: Path, skipped: Path, settings: Speech, seed: int) -> dict[str, int]:
    """Write the table of usable ``utterances`` of ``corpus``, and what was ``skipped``."""
    folder = folder_of(corpus[0])
    subsets = settings.subsets if settings.corpus == "librispeech" else ()
    table, left_out = load_librispeech(folder, subsets, shortest=settings.shortest, decode=settings.decode)
    shares = (1 - settings.validation - settings.test, settings.validation, settings.test)
    table = split_by_speaker(table, np.random.default_rng(seed), shares)
    UTTERANCES.write(utterances, table, {"sample_rate": str(SAMPLE_RATE), "folder": str(folder)})
    SKIPPED.write(skipped, skipped_frame(left_out))
    return {"utterances": len(table), "speakers": int(table.speaker_id.nunique()), "skipped": len(left_out)}


if __name__ == "__main__":
    run(main)
