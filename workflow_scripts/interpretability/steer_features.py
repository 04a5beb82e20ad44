"""Clips pushed along single features of a dictionary, in the manner of emotion steering."""

from pathlib import Path
from typing import Any

import numpy as np

from sonoscope.contracts.dictionary_features import FEATURES
from sonoscope.contracts.emotion_steering import STEERED
from sonoscope.contracts.interpretability import HEARD, PIECES
from sonoscope.interpretability.emotion_steering import feature_arms, fit_targets, generate_arms
from sonoscope.interpretability.sae_files import load_decoder
from sonoscope.job import run
from sonoscope.musicgen.interface import Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.interpretability import EmotionSteering
from sonoscope.settings.musicgen import MusicGen


def main(
    pieces: Path, heard: Path, features: Path, dictionaries: Path, language_model: Path, clips: Path, model: str,
    settings: dict[str, Any], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the clips; the unsteered ones of the same prompts and seeds are those of emotion steering."""
    how, musicgen = (
        EmotionSteering.model_validate(settings["interpretability.steering"]),
        MusicGen.model_validate(settings["musicgen"]),
    )
    loaded, table = load_musicgen(language_model, model), PIECES.read(pieces)
    fit_on = np.flatnonzero(table["arm"] == "free")[::2]
    fitted = fit_targets(HEARD.read(heard)[0]["null"][fit_on], table.iloc[fit_on], how)[how.targets[0]]
    decoder = load_decoder(dictionaries / settings["interpretability.features.kind"])
    arms = feature_arms(FEATURES.read(features), decoder, fitted, how)
    sampling = Sampling(musicgen.top_k, musicgen.temperature, musicgen.guidance)
    STEERED.write(clips, generate_arms(loaded, arms, how, musicgen.seconds, sampling, musicgen.batch, seed))
    return {"revision": loaded.revision}


if __name__ == "__main__":
    run(main)
