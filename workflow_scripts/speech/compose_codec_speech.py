"""The synthetic speakers that the shipped speech codec learns from, with a table of their utterances."""

import shutil
from pathlib import Path

import numpy as np

from sonoscope.contracts.speech import UTTERANCES
from sonoscope.corpora.speech import SAMPLE_RATE, compose_speech, load_librispeech, split_by_speaker
from sonoscope.job import run
from sonoscope.settings.codecs import CodecSpeakers


def main(speakers: Path, utterances: Path, settings: CodecSpeakers, seed: int) -> dict[str, int]:
    """Write the folder of ``speakers`` anew, and the table of ``utterances`` with splits by speaker."""
    folder = speakers.parent
    shutil.rmtree(folder, ignore_errors=True)
    compose_speech(folder, settings.speakers, settings.utterances, 1, seed, for_codec=True)
    table, _ = load_librispeech(folder, shortest=settings.shortest)
    shares = (1 - settings.validation, settings.validation, 0.0)
    table = split_by_speaker(table, np.random.default_rng(seed), shares)
    UTTERANCES.write(utterances, table, {"sample_rate": str(SAMPLE_RATE), "folder": str(folder)})
    return {"utterances": len(table), "speakers": int(table.speaker_id.nunique())}


if __name__ == "__main__":
    run(main)
