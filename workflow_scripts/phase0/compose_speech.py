"""Synthetic speakers read made-up sentences, in LibriSpeech's layout."""

import shutil
from pathlib import Path

from sonoscope.corpora.speech import compose_speech
from sonoscope.job import run
from sonoscope.settings.speech import Speech


def main(speakers: Path, settings: Speech, seed: int) -> None:
    """Write the folder of ``speakers``; what a killed job left of it is removed first."""
    shutil.rmtree(speakers.parent, ignore_errors=True)
    compose_speech(speakers.parent, settings.speakers, settings.utterances, settings.sentences, seed)


if __name__ == "__main__":
    run(main)
