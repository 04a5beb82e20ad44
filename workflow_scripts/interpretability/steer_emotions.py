"""Clips pushed towards emotions along directions of rendered music, and along controls, with one load of the model."""

from pathlib import Path
from typing import Any

import numpy as np

from sonoscope.contracts.emotion_steering import HEARD_AGAIN, STEERED
from sonoscope.contracts.interpretability import HEARD, PIECES
from sonoscope.contracts.world import TOKENS
from sonoscope.interpretability.emotion_steering import decoded_pieces, emotion_arms, fit_targets, generate_arms
from sonoscope.job import run
from sonoscope.musicgen.interface import Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.interpretability import EmotionSteering
from sonoscope.settings.musicgen import MusicGen


def main(
    pieces: Path, heard: Path, tokens: Path, language_model: Path, clips: Path, listened: Path, model: str,
    settings: dict[str, Any], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the clips, and the pieces that the listener learns from: not those that directions are fitted to."""
    how, musicgen = (
        EmotionSteering.model_validate(settings["interpretability.steering"]),
        MusicGen.model_validate(settings["musicgen"]),
    )
    loaded, table = load_musicgen(language_model, model), PIECES.read(pieces)
    free = np.flatnonzero(table["arm"] == "free")
    fit_on, listen_to = free[::2], free[1::2]
    states = HEARD.read(heard)[0]["null"][fit_on]
    fitted = fit_targets(states, table.iloc[fit_on], how)
    sampling = Sampling(musicgen.top_k, musicgen.temperature, musicgen.guidance)
    arms = emotion_arms(fitted, states, how, seed)
    STEERED.write(clips, generate_arms(loaded, arms, how, musicgen.seconds, sampling, musicgen.batch, seed))
    codes = TOKENS.read(tokens)[0]["tokens"][listen_to]
    HEARD_AGAIN.write(listened, decoded_pieces(loaded, codes, table.iloc[listen_to], musicgen.batch))
    return {"revision": loaded.revision}


if __name__ == "__main__":
    run(main)
