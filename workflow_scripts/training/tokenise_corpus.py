"""Codec tokens of the clips that the shipped language model learns from."""

from pathlib import Path

import numpy as np

from sonoscope.contracts.world import LESSON_AUDIO, TOKENS
from sonoscope.files import sha256
from sonoscope.job import run
from sonoscope.settings.training import Training
from sonoscope.train.codec import build_codec, encode_all
from sonoscope.train.schedule import load_weights


def main(audio: Path, weights: Path, tokens: Path, settings: Training) -> None:
    """Encode every clip once."""
    codec = build_codec(settings.codec_geometry, 0)
    load_weights(weights, codec)
    codes = encode_all(codec, LESSON_AUDIO.read(audio)[0]["audio"], 1)
    header = {
        "model": "codec in training",
        "revision": sha256(weights)[:12],
        "frame_rate": str(codec.frame_rate),
        "cardinality": str(settings.codec_geometry.cardinality),
    }
    TOKENS.write(tokens, {"tokens": codes.astype(np.int16)}, header)


if __name__ == "__main__":
    run(main)
