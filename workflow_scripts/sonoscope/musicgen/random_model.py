"""A MusicGen with random weights, made in code: it means nothing, and exercises everything."""

from pathlib import Path

import numpy as np
import torch

from sonoscope.audio.soundfont import render
from sonoscope.musicgen.checkpoint import register_text_encoder, save_folder
from sonoscope.musicgen.geometry import codec_config, lm_config
from sonoscope.musicgen.text_encoder import DIM, save_text_encoder
from sonoscope.settings.geometry import CodecGeometry, LanguageModelGeometry
from sonoscope.symbolic.lessons import draw
from sonoscope.symbolic.notes import to_score
from sonoscope.train.codec import build_codec
from sonoscope.train.language_model import build_language_model

CODEC = CodecGeometry(filters=2, dim=16, lstm_layers=0, cardinality=64)
"""Shape of the random codec."""
LANGUAGE_MODEL = LanguageModelGeometry(dim=32, heads=2, layers=3, codebook_cardinality=64)
"""Shape of the random language model."""


def build_random_musicgen(folder: Path, seed: int) -> None:
    """Write a MusicGen folder with random weights, whose text encoder knows the words of lessons."""
    lessons = draw(500, seed)
    encoder = folder / "text_encoder"
    save_text_encoder(encoder, [text for lesson in lessons for text in (lesson.prompt, lesson.open_prompt)], seed)
    register_text_encoder(str(encoder.resolve()), DIM)
    codec = build_codec(CODEC, seed, kmeans=True)
    # random codebooks would give all sounds one token: k-means sets them on a few real clips
    clips = [render(to_score(lesson.parts, lesson.bpm), CODEC.sample_rate, 1.0) for lesson in lessons[:16]]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        codec.train()(torch.from_numpy(np.stack(clips))[:, None])
    codec.eval()
    lm = build_language_model(LANGUAGE_MODEL, CODEC.sample_rate, str(encoder.resolve()), seed)
    lm_cfg = lm_config(LANGUAGE_MODEL, CODEC.sample_rate, "text_encoder")
    save_folder(folder, codec, codec_config(CODEC), lm, lm_cfg)
