"""Calibration of measures on true renders, and a classifier on log-mel that has heard renders alone."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from sonoscope.audio.files import AudioArray, AudioError, read_audio
from sonoscope.audio.logmel import description
from sonoscope.contracts.steering import LISTENER
from sonoscope.logs import track
from sonoscope.settings.concepts import TEMPO
from sonoscope.settings.steering import Listening
from sonoscope.statistics.bootstrap import Interval
from sonoscope.statistics.proportions import wilson_interval
from sonoscope.statistics.splits import grouped_folds
from sonoscope.steering.fit import usable_clips, values_of
from sonoscope.steering.measures import is_hit, measure_of
from sonoscope.steering.names import LOG_MEL

TEMPO_TOLERANCE = 0.08
"""Largest relative error of a right tempo; half and double are wrong."""


def calibrate(
    clips: pd.DataFrame, concept: str, seconds: float, s: Listening, seed: int
) -> tuple[pd.DataFrame, NDArray[np.float32], list[str]]:
    """How well a concept is heard in true renders, with the descriptions and values of these renders.

    Renders are cut to ``seconds``, the length of generated clips. The classifier's share is out-of-fold over groups:
    no instrument and octave, root or render stands on both sides.
    """
    usable = np.flatnonzero(usable_clips(clips))
    chosen = np.sort(np.random.default_rng([seed, 19]).permutation(usable)[: s.clips])
    values = values_of(clips, concept)
    heard, features, rows = [], [], []
    measure = measure_of(concept)
    for row in track(chosen.tolist(), "renders"):
        try:
            audio, rate = read_audio(clips["audio"].iloc[row]["bytes"])
        except AudioError:
            continue
        audio = audio[: round(seconds * rate)]
        heard.append(hit(concept, str(values[row]), measure.hear(audio, rate)))
        features.append(description(audio, rate))
        rows.append(row)
    described = np.stack(features).astype(np.float32)
    labels = [str(values[row]) for row in rows]
    chance = chance_of(concept, labels)
    table = [_row(concept, measure.name, seconds, wilson_interval(int(sum(heard)), len(heard)), chance)]
    if concept != "tempos":
        groups = clips["split_group"].to_numpy(dtype=np.str_)[rows]
        out = _out_of_fold(described, labels, groups, s.trees, seed)
        right = sum(is_hit(concept, label, str(said)) for label, said in zip(labels, out, strict=True))
        table.append(_row(concept, LOG_MEL, seconds, wilson_interval(int(right), len(labels)), chance))
    return pd.DataFrame(table), described, labels


def hit(concept: str, value: str, heard: str | float | None) -> float:
    """1 if a value is heard, of tempos within 8 %."""
    if concept == "tempos":
        return float(heard is not None and abs(float(heard) / float(value) - 1) <= TEMPO_TOLERANCE)
    return is_hit(concept, value, heard)


def chance_of(concept: str, values: list[str]) -> float:
    """Share that guessing would get right: one value at random, of tempos one of the corpus's own."""
    if concept != "tempos":
        return measure_of(concept).chance
    return float(np.mean([_within(value, values) for value in values]))


def _within(value: str, others: list[str]) -> float:
    return float(np.mean([hit("tempos", value, float(other)) for other in others]))


def _row(concept: str, name: str, seconds: float, found: Interval, chance: float) -> dict[str, object]:
    return {
        "concept": concept, "measure": name, "seconds": seconds, "n": found.n, "score": found.estimate,
        "low": found.low, "high": found.high, "chance": chance,
    }  # fmt: skip


def _out_of_fold(
    features: NDArray[np.float32], labels: list[str], groups: NDArray[np.str_], trees: int, seed: int
) -> NDArray[np.str_]:
    said = np.array([""] * len(labels), dtype=object)
    folds = min(3, len(set(groups)))
    for train, test in grouped_folds(len(labels), folds, np.random.default_rng([seed, 20]), groups, np.array(labels)):
        model = _classifier(features[train], [labels[k] for k in train], trees, seed)
        said[test] = model.predict(features[test])
    return said.astype(np.str_)


def _classifier(features: NDArray[np.float32], labels: list[str], trees: int, seed: int) -> ExtraTreesClassifier:
    return ExtraTreesClassifier(trees, random_state=seed % 2**31).fit(features, np.array(labels))


class Listener:
    """The classifier on log-mel of one concept."""

    def __init__(self, file: Path, trees: int, seed: int) -> None:
        arrays, header = LISTENER.read(file)
        self.concept = header["concept"]
        self._model = _classifier(arrays["features"], json.loads(header["labels"]), trees, seed)

    def hears(self, audio: AudioArray, sample_rate: int, target: str) -> float | None:
        """1 if the target is heard; None for a number, which it does not know."""
        if target == TEMPO:
            return None
        said = self._model.predict(description(audio, sample_rate)[None].astype(np.float32))[0]
        return is_hit(self.concept, target, str(said))
