"""Work and storage of full-scale runs, from the number of items and measured constants."""

from collections.abc import Mapping
from dataclasses import dataclass

from sonoscope.affect.speed import CORPUS_BARS, CORPUS_DISTINCT, CORPUS_FILES
from sonoscope.attribution.costs import cost
from sonoscope.doctor.memory import MODELS

SHIPPED_PARAMETERS = 5.1e6
"""Of the shipped MusicGen's language model, by its card."""
LIBRISPEECH_SECONDS = 960 * 3600.0
LATENT_DIM, LATENT_RATE = 512, 12.5
"""Of Mimi: numbers per frame, frames per second."""
CLIP_SECONDS, GENERATED_SECONDS = 4.0, 10.0
BAR_BYTES, CSV_BYTES = 36, 60
"""A bar of the annotation table in Parquet and in CSV."""
SONGS = 100_000


@dataclass(frozen=True)
class Estimate:
    """What one scenario takes."""

    items: str
    hours: float
    """Of one core, with the shipped models, as measured."""
    published_hours: float | None
    """The same in proportion to the parameters of the published model; None where that is not meaningful."""
    gigabytes: float
    formula: str


def parameter_ratio(model: str = "musicgen-large") -> float:
    """How many times larger a published language model is than the shipped one."""
    return MODELS[model].parameters / SHIPPED_PARAMETERS


def steering(c: Mapping[str, float], clips: int, generated: int) -> Estimate:
    """Encode, replay and decode ``clips`` corpus clips, and generate as many as the experiments ask for."""
    corpus = clips * CLIP_SECONDS * (c["encode"] + c["replay"])
    # a generated clip is also replayed twice for its likelihood and state, and decoded
    made = generated * GENERATED_SECONDS * (c["generate"] + 2 * c["replay"] + c["decode"])
    language = clips * CLIP_SECONDS * c["replay"] + generated * GENERATED_SECONDS * (c["generate"] + 2 * c["replay"])
    model = MODELS["musicgen-large"]
    stored = clips * 2 * model.layers * model.dim * 4 + clips * 4 * CLIP_SECONDS * 50 * 2 + generated * 300_000
    return Estimate(
        f"{clips:,} clips of 4 s replayed, {generated:,} of 10 s generated",
        (corpus + made) / 3600,
        (corpus + made + language * (parameter_ratio() - 1)) / 3600,
        stored / 1e9,
        "clips · 4 s · (encode + replay) + generated · 10 s · (generate + 2 replay + decode)",
    )


def annotation(c: Mapping[str, float]) -> Estimate:
    """Parse and encode all of GigaMIDI."""
    bars = CORPUS_FILES * CORPUS_BARS
    seconds = CORPUS_FILES * c["parse"] + bars * CORPUS_DISTINCT * c["bars"]
    return Estimate(
        f"{CORPUS_FILES:,} files, {bars / 1e6:.0f} million bars",
        seconds / 3600,
        None,
        bars * (BAR_BYTES + CSV_BYTES) / 1e9,
        f"files · (parse + {CORPUS_BARS} · {CORPUS_DISTINCT} · bars)",
    )


def speech(c: Mapping[str, float]) -> Estimate:
    """Latents of LibriSpeech-960 by one codec; each further codec of the comparison costs as much again."""
    frames = LIBRISPEECH_SECONDS * LATENT_RATE
    return Estimate(
        "960 hours of speech by one codec",
        LIBRISPEECH_SECONDS * c["speech"] / 3600,
        None,
        frames * (LATENT_DIM + 1) * 4 / 1e9,
        "3,456,000 s · speech; bytes are those of Mimi's latents",
    )


def embeddings(c: Mapping[str, float]) -> Estimate:
    """Gradient embeddings of 10⁵ songs by one checkpoint."""
    base = cost(SONGS)
    hours = base.rows * c["embed"] / 3600
    return Estimate(
        f"{SONGS:,} songs, {base.rows:,} windows of 4 s",
        hours,
        hours * parameter_ratio(),
        base.gigabytes,
        "windows · embed",
    )
