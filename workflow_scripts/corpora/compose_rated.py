"""Clips with valence and arousal, composed in the layout of PMEmo or DEAM."""

import shutil
from pathlib import Path

from sonoscope.corpora.deam import compose_deam
from sonoscope.corpora.pmemo import compose_pmemo
from sonoscope.job import run
from sonoscope.settings.corpora import RatedAudio


def main(truth: Path, corpus: str, settings: RatedAudio, seed: int) -> None:
    """Write the folder of ``truth``; what a killed job left of it is removed first."""
    shutil.rmtree(truth.parent, ignore_errors=True)
    compose = {"pmemo": compose_pmemo, "deam": compose_deam}[corpus]
    compose(truth.parent, settings.clips, settings.seconds, seed)


if __name__ == "__main__":
    run(main)
