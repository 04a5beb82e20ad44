"""Baselines that know nothing of training: what a listener, or a search for copies, would say."""

from collections import Counter
from collections.abc import Sequence

import librosa
import numpy as np
from numpy.typing import NDArray

from sonoscope.attribution.methods import unit
from sonoscope.attribution.songs import Window
from sonoscope.musicgen.interface import Prompt

Floats = NDArray[np.float64]


def code_ngrams(queries: Sequence[Window], rows: Sequence[Window], n: int) -> Floats:
    """Cosine of counts of ``n``-grams of the first codebook, rare ones weighing more, ``(queries, rows)``."""
    bags = [Counter(_grams(w.tokens[0], n)) for w in (*rows, *queries)]
    words = {gram: k for k, gram in enumerate(dict.fromkeys(g for bag in bags for g in bag))}
    table = np.zeros((len(bags), len(words)))
    for k, bag in enumerate(bags):
        for gram, count in bag.items():
            table[k, words[gram]] = count
    rare = np.log((1 + len(rows)) / (1 + (table[: len(rows)] > 0).sum(0))) + 1
    vectors = unit(table * rare)
    return np.asarray(vectors[len(rows) :] @ vectors[: len(rows)].T)


def _grams(codes: NDArray[np.int16], n: int) -> list[tuple[int, ...]]:
    values = codes.tolist()
    return [tuple(values[i : i + n]) for i in range(len(values) - n + 1)]


def log_mel(audio: NDArray[np.float32], sample_rate: int) -> Floats:
    """Mean and standard deviation over time of 64 log-mel bands, and of their change, ``(192,)``."""
    mel = librosa.feature.melspectrogram(y=audio, sr=sample_rate, n_fft=1024, hop_length=512, n_mels=64)
    decibels = librosa.power_to_db(mel, ref=1.0, amin=1e-8)
    change = np.abs(np.diff(decibels, axis=1)).mean(1) if decibels.shape[1] > 1 else np.zeros(64)
    return np.concatenate([decibels.mean(1), decibels.std(1), change]).astype(np.float64)


def standardised_cosine(queries: Floats, rows: Floats) -> Floats:
    """Cosine of features after each is standardised over ``rows``, ``(queries, rows)``."""
    centre, spread = rows.mean(0), rows.std(0) + 1e-9
    return np.asarray(unit((queries - centre) / spread) @ unit((rows - centre) / spread).T)


def captions(queries: Sequence[Prompt], rows: Sequence[Prompt]) -> Floats:
    """Share of words that two captions have in common (Jaccard), ``(queries, rows)``: the leak of the prompt alone."""
    bags = [set((text or "").lower().replace(",", " ").split()) for text in (*rows, *queries)]
    known, asked = bags[: len(rows)], bags[len(rows) :]
    return np.array([[len(a & b) / max(1, len(a | b)) for b in known] for a in asked])
