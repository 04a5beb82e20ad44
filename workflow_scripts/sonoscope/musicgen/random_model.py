"""A MusicGen with random weights, made in code: it means nothing, and exercises everything."""

from pathlib import Path

from sonoscope.musicgen.checkpoint import register_text_encoder, save_folder
from sonoscope.musicgen.geometry import CodecGeometry, LanguageModelGeometry, codec_config, lm_config
from sonoscope.musicgen.text_encoder import DIM, save_text_encoder
from sonoscope.train.codec import build_codec
from sonoscope.train.language_model import build_language_model

CODEC = CodecGeometry(filters=2, dim=16, lstm_layers=0, cardinality=64)
"""Shape of the random codec."""
LANGUAGE_MODEL = LanguageModelGeometry(dim=32, heads=2, layers=3, codebook_cardinality=64)
"""Shape of the random language model."""


def build_random_musicgen(folder: Path, prompts: list[str], seed: int) -> None:
    """Write a MusicGen folder with random weights, whose text encoder knows the words of ``prompts``."""
    encoder = folder / "text_encoder"
    save_text_encoder(encoder, prompts, seed)
    register_text_encoder(str(encoder.resolve()), DIM)
    codec = build_codec(CODEC, seed)
    lm = build_language_model(LANGUAGE_MODEL, CODEC.sample_rate, str(encoder.resolve()), seed)
    lm_cfg = lm_config(LANGUAGE_MODEL, CODEC.sample_rate, "text_encoder")
    save_folder(folder, codec, codec_config(CODEC), lm, lm_cfg)
