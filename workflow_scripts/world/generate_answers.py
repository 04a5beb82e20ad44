"""Clips of a MusicGen for every question about the known world, and renders through its codec."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope.contracts.learned import ANSWERS
from sonoscope.job import run
from sonoscope.musicgen.interface import Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.measure_musicgen import MeasureMusicGen
from sonoscope.settings.musicgen import MusicGen
from sonoscope.world.answers import answer, round_trip
from sonoscope.world.questions import codec_questions, questions


def main(language_model: Path, clips: Path, model: str, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """Write the table of ``clips``; a killed job goes on after its last batch."""
    s, musicgen = (
        MeasureMusicGen.model_validate(settings["measure_musicgen"]), MusicGen.model_validate(settings["musicgen"])
    )  # fmt: skip
    loaded = load_musicgen(language_model, model)
    sampling = Sampling(musicgen.top_k, musicgen.temperature, musicgen.guidance)
    kept = clips.parent / "kept"
    answers = answer(loaded, questions(s, seed), s.seconds, sampling, musicgen.batch, kept)
    codec = round_trip(loaded, codec_questions(s, seed), s.seconds, musicgen.batch)
    ANSWERS.write(clips, pd.concat([answers, codec], ignore_index=True))
    shutil.rmtree(kept)
    return {"revision": loaded.revision}


if __name__ == "__main__":
    run(main)
