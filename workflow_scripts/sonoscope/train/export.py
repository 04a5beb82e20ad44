"""The last step of training: a folder that audiocraft loads."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.musicgen.checkpoint import register_text_encoder, save_folder
from sonoscope.musicgen.geometry import codec_config, lm_config
from sonoscope.musicgen.text_encoder import DIM, save_text_encoder
from sonoscope.settings.training import Training
from sonoscope.train.codec import build_codec
from sonoscope.train.language_model import build_language_model, text_encoder_of, train_language_model
from sonoscope.train.schedule import load_weights

TEXT_ENCODER = "resources/models/sonoscope-musicgen/text_encoder"
"""Path that the checkpoint names its text encoder by. Sonoscope finds it beside the weights, wherever they are;
audiocraft's own ``MusicGen.get_pretrained`` finds it from the repository's root."""


def train_and_export(
    lessons: pd.DataFrame, tokens: NDArray[np.int16], codec_weights: Path, folder: Path, s: Training, seed: int
) -> None:
    """Train the language model on ``tokens`` ``(clips, K, T)``, in the order of ``lessons``, and write the whole model.

    The resumable checkpoint stands in the folder as ``checkpoint.pt`` until training is done.
    """
    geometry, rate = s.language_model_geometry, s.codec_geometry.sample_rate
    encoder = folder / "text_encoder"
    save_text_encoder(encoder, lessons["prompt"], seed)
    register_text_encoder(str(encoder.resolve()), DIM)
    lm = build_language_model(geometry, rate, str(encoder.resolve()), seed)
    split = lessons["split"].to_numpy()
    training, validation = ((split == name).nonzero()[0] for name in ("train", "validation"))
    checkpoint = folder / "checkpoint.pt"
    train_language_model(
        tokens.astype(np.int16),
        lessons["prompt"].tolist(),
        training,
        validation,
        lm,
        s.language_model,
        checkpoint,
        seed,
    )
    codec = build_codec(s.codec_geometry, seed)
    load_weights(codec_weights, codec)
    save_folder(folder, codec, codec_config(s.codec_geometry), lm, lm_config(geometry, rate, TEXT_ENCODER))
    text_encoder_of(lm).save_pretrained(encoder)
    checkpoint.unlink()
