"""Embeddings of clips, and the Fréchet distance between two sets of them. A distance means nothing without its name."""

import logging
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
from numpy.typing import NDArray

from sonoscope.audio.files import AudioArray, read_audio
from sonoscope.contracts import read_json
from sonoscope.logs import track
from sonoscope.steering.errors import ConceptError

log = logging.getLogger(__name__)
Floats = NDArray[np.float64]

SPECTRAL = "spectral (10 MFCC, mean and SD)"
"""Name of the embedding that needs no model."""
_COEFFICIENTS = 10
_CLAP_RATE = 48000


def embed(
    files: list[Path], prompts: list[str], clap: Path | None = None
) -> tuple[NDArray[np.float32], str, NDArray[np.float64] | None]:
    """Embedding of each clip ``(clips, features)``, its name, and with CLAP the cosine of clip and prompt ``(clips,)``.

    Parameters
    ----------
    clap : Path, optional
        Folder of a CLAP model in transformers' layout; without it the embedding is made of spectral statistics.

    Raises
    ------
    ConceptError
        There is no such folder.
    """
    if clap is None:
        rows = [spectral(*read_audio(file)) for file in track(files, "embeddings")]
        return np.stack(rows).astype(np.float32), SPECTRAL, None
    if not (clap / "config.json").is_file():
        raise ConceptError(
            f"steering.listening.embedding: expected a CLAP model in transformers' layout in {clap}, found no "
            "config.json; fetch one (snakemake fetch_models --config 'fetch={models: [clap]}') or choose spectral"
        )
    return _clap(files, prompts, clap)


def spectral(audio: AudioArray, sample_rate: int) -> Floats:
    """Mean and SD over time of ten mel-frequency cepstral coefficients ``(20,)``."""
    cepstrum = librosa.feature.mfcc(y=audio, sr=sample_rate, n_mfcc=_COEFFICIENTS, n_fft=1024, hop_length=512)
    return np.concatenate([cepstrum.mean(axis=1), cepstrum.std(axis=1)])


def _clap(files: list[Path], prompts: list[str], folder: Path) -> tuple[NDArray[np.float32], str, Floats]:
    from transformers import ClapModel, ClapProcessor

    model: Any = ClapModel.from_pretrained(folder).train(False)
    processor: Any = ClapProcessor.from_pretrained(folder)
    sounds, texts = [], []
    with torch.no_grad():
        for file, prompt in track(list(zip(files, prompts, strict=True)), "embeddings"):
            audio, rate = read_audio(file)
            audio = librosa.resample(audio, orig_sr=rate, target_sr=_CLAP_RATE)
            audio = audio[: processor.feature_extractor.nb_max_samples]  # of longer ones it would take a random part
            asked = processor(text=[prompt], audio=[audio], sampling_rate=_CLAP_RATE, return_tensors="pt", padding=True)
            found = model(**asked)
            sounds.append(found.audio_embeds[0])
            texts.append(found.text_embeds[0])
    sound, text = (torch.nn.functional.normalize(torch.stack(x), dim=-1) for x in (sounds, texts))
    return sound.numpy().astype(np.float32), f"CLAP ({_name(folder)})", (sound * text).sum(-1).double().numpy()


def _name(folder: Path) -> str:
    """Repository and commit of a fetched model, name of the folder of any other."""
    record = folder / "fetched.json"
    if not record.is_file():
        return folder.name
    fetched: Any = read_json(record)
    return " ".join(filter(None, (fetched["origin"], (fetched.get("commit") or "")[:7])))


def frechet(first: NDArray[np.floating], second: NDArray[np.floating]) -> float | None:
    """Fréchet distance of two Gaussians fitted to embeddings ``(n, features)``; None with fewer than two clips.

    ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½) (Heusel et al. 2017). It is biased upwards for few clips, alike for all arms
    of equal size.
    """
    if min(len(first), len(second)) < 2:
        return None
    one, other = first.astype(np.float64), second.astype(np.float64)
    shift = np.square(one.mean(0) - other.mean(0)).sum()
    a, b = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    # the eigenvalues of Σ₁Σ₂ are those of Σ₁^½ Σ₂ Σ₁^½, which is symmetric
    values, vectors = np.linalg.eigh(np.atleast_2d(a))
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ np.atleast_2d(b) @ root), 0)).sum()
    return float(max(shift + np.trace(np.atleast_2d(a)) + np.trace(np.atleast_2d(b)) - 2 * cross, 0.0))
