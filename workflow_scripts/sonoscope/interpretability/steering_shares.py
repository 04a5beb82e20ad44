"""One share of the clips of emotion steering, from the files and settings that a job is given."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sonoscope.contracts.dictionary_features import FEATURES
from sonoscope.contracts.emotion_steering import HEARD_AGAIN, STEERED
from sonoscope.contracts.interpretability import HEARD, PIECES
from sonoscope.contracts.world import TOKENS
from sonoscope.interpretability.emotion_steering import (
    Arm,
    decoded_pieces,
    emotion_arms,
    feature_arms,
    fit_targets,
    generate_arms,
)
from sonoscope.interpretability.sae_files import load_decoder
from sonoscope.musicgen.interface import MusicGen, Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.interpretability import EmotionSteering
from sonoscope.settings.musicgen import MusicGen as MusicGenSettings
from sonoscope.sharing import merge_tables, rows_of


def emotion_share(
    pieces: Path, heard: Path, tokens: Path, language_model: Path, clips: Path, listened: Path, model: str,
    settings: dict[str, Any], seed: int, share: int, shares: int,
) -> str:  # fmt: skip
    """Clips pushed towards emotions, and pieces that the listener learns from: not those that directions are fitted to.

    Every share fits the directions itself, to the same states. Gives the revision of the model.
    """
    how, musicgen = _settings(settings)
    loaded, table = load_musicgen(language_model, model), PIECES.read(pieces)
    free = np.flatnonzero(table["arm"] == "free")
    fit_on, listen_to = free[::2], free[1::2]
    states = HEARD.read(heard)[0]["null"][fit_on]
    fitted = fit_targets(states, table.iloc[fit_on], how)
    arms = emotion_arms(fitted, states, how, seed)
    _write_clips(loaded, arms, how, musicgen, clips, seed, share, shares)
    own = listen_to[rows_of(len(listen_to), musicgen.batch, share, shares)]
    codes = TOKENS.read(tokens)[0]["tokens"][own]
    HEARD_AGAIN.write(listened, decoded_pieces(loaded, codes, table.iloc[own], musicgen.batch))
    return loaded.revision


def feature_share(
    pieces: Path, heard: Path, features: Path, dictionaries: Path, language_model: Path, clips: Path, model: str,
    settings: dict[str, Any], seed: int, share: int, shares: int,
) -> str:  # fmt: skip
    """Clips pushed along single features; gives the revision of the model.

    The unsteered ones of the same prompts and seeds are those of `emotion_share`.
    """
    how, musicgen = _settings(settings)
    loaded, table = load_musicgen(language_model, model), PIECES.read(pieces)
    fit_on = np.flatnonzero(table["arm"] == "free")[::2]
    fitted = fit_targets(HEARD.read(heard)[0]["null"][fit_on], table.iloc[fit_on], how)[how.targets[0]]
    decoder = load_decoder(dictionaries / settings["interpretability.features.kind"])
    arms = feature_arms(FEATURES.read(features), decoder, fitted, how)
    _write_clips(loaded, arms, how, musicgen, clips, seed, share, shares)
    return loaded.revision


def merge_shares(parts: Sequence[Path], clips: Path, heard: Path, listened: Path | None = None) -> str:
    """Write the clips of all shares as one table, and what was listened to; gives the revision of the model.

    Parameters
    ----------
    parts
        Tables of clips; what was listened to lies beside them.
    heard
        States of the same model, which name it.
    """
    merge_tables(STEERED, parts, clips)
    if listened is not None:
        merge_tables(HEARD_AGAIN, [part.with_name(listened.name) for part in parts], listened)
    return HEARD.read(heard)[1]["revision"]


def _settings(settings: dict[str, Any]) -> tuple[EmotionSteering, MusicGenSettings]:
    how = EmotionSteering.model_validate(settings["interpretability.steering"])
    return how, MusicGenSettings.model_validate(settings["musicgen"])


def _write_clips(
    model: MusicGen, arms: Sequence[Arm], how: EmotionSteering, musicgen: MusicGenSettings, clips: Path, seed: int,
    share: int, shares: int,
) -> None:  # fmt: skip
    sampling, kept = Sampling(musicgen.top_k, musicgen.temperature, musicgen.guidance), clips.parent / "kept"
    made = generate_arms(model, arms, how, musicgen.seconds, sampling, musicgen.batch, seed, share, shares, kept)
    STEERED.write(clips, made)
    shutil.rmtree(kept, ignore_errors=True)
