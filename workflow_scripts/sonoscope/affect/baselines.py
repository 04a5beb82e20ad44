"""What a latent has to beat: constants, a formula without training, and regressions on features by hand.

Penalties are chosen by folds of songs within the training songs: bars of one piece are so alike that choosing by bars
picks penalties that are far too small.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from sonoscope.affect.dataset import Clip, mean_label
from sonoscope.affect.features import HAND, with_context
from sonoscope.affect.fitting import prediction_rows
from sonoscope.affect.folds import folds_of
from sonoscope.settings.affect import TrainAffect
from sonoscope.statistics import grouped_folds

Floats = NDArray[np.float64]
Predictor = Callable[[Clip], Floats]

PENALTIES: Final = (1.0, 10.0, 100.0, 1000.0, 10000.0)
_INNER_FOLDS = 3
_TREES: Final[dict[str, Any]] = {"max_iter": 60, "learning_rate": 0.1, "max_leaf_nodes": 15, "max_bins": 63}


def constant(train: Sequence[Clip]) -> Predictor:
    """The mean training label."""
    value = mean_label(train)
    return lambda clip: np.broadcast_to(value, (len(clip), 2))


def constant_median(train: Sequence[Clip]) -> Predictor:
    """The median training label: the constant with the least absolute error."""
    value = np.median(np.concatenate([c.labels[c.known] for c in train]), axis=0)
    return lambda clip: np.broadcast_to(value, (len(clip), 2))


def majority(train: Sequence[Clip]) -> Predictor:
    """The mean label of the commonest quadrant."""
    labels = np.concatenate([c.labels[c.known] for c in train])
    quadrant = 2 * (labels[:, 1] >= 0) + (labels[:, 0] >= 0)
    value = labels[quadrant == np.bincount(quadrant).argmax()].mean(0)
    return lambda clip: np.broadcast_to(value, (len(clip), 2))


def prior(_train: Sequence[Clip]) -> Predictor:
    """A formula that was never fitted: valence from mode, arousal from tempo, loudness and density.

    Centres and scales are round numbers near those of piano music: 110 quarter notes per minute, velocity 65, three
    notes per beat.
    """

    def predict(clip: Clip) -> Floats:
        f = {name: clip.tensors["features"][:, k].astype(np.float64) for k, name in enumerate(HAND)}
        valence = 2 * (0.5 * f["mode_near"] + 0.5 * f["mode_near"].mean())
        tempo, loud = (f["tempo"] - np.log2(110)) / 1.2, (f["velocity_mean"] - 65) / 40
        arousal = 0.45 * tempo + 0.35 * loud + 0.2 * np.log2(np.maximum(f["notes_per_beat"], 0.25) / 3)
        both: Floats = np.clip(np.stack([valence, arousal], axis=1), -1, 1)
        return both

    return predict


def hand(train: Sequence[Clip]) -> Predictor:
    """Ridge regression on all features with their context."""
    rows, labels, songs, weight = _table(train)
    centre, scale = rows.mean(0), np.where(rows.std(0) > 1e-9, rows.std(0), 1)
    x = (rows - centre) / scale
    errors = []
    for penalty in PENALTIES:
        squared = 0.0
        for fit, held in grouped_folds(len(x), _INNER_FOLDS, np.random.default_rng(0), songs):
            model = Ridge(alpha=penalty).fit(x[fit], labels[fit], sample_weight=weight[fit])
            squared += float((weight[held, None] * (model.predict(x[held]) - labels[held]) ** 2).sum())
        errors.append(squared)
    best = Ridge(alpha=PENALTIES[int(np.argmin(errors))]).fit(x, labels, sample_weight=weight)
    return lambda clip: np.clip(np.asarray(best.predict((_rows(clip) - centre) / scale), np.float64), -1, 1)


def boosting(train: Sequence[Clip]) -> Predictor:
    """Gradient-boosted trees on the same features."""
    rows, labels, _, weight = _table(train)
    models = [
        HistGradientBoostingRegressor(random_state=0, early_stopping=False, **_TREES).fit(
            rows, labels[:, k], sample_weight=weight
        )
        for k in range(2)
    ]
    return lambda clip: np.clip(np.stack([m.predict(_rows(clip)) for m in models], axis=1), -1, 1)


BASELINES: Final[dict[str, Callable[[Sequence[Clip]], Predictor]]] = {
    "constant": constant,
    "constant_median": constant_median,
    "majority": majority,
    "prior": prior,
    "hand": hand,
    "boosting": boosting,
}
"""By the name under which their predictions stand."""


def baseline_predictions(clips: Sequence[Clip], settings: TrainAffect, seed: int) -> pd.DataFrame:
    """Predictions of all baselines on the same folds as the heads."""
    frames = []
    for number, fold in enumerate(folds_of(clips, settings, seed)):
        train = [clips[k] for k in (*fold.train, *fold.validation) if clips[k].known.any()]
        mean = mean_label([clips[k] for k in fold.train])
        for name, fit in BASELINES.items():
            predict = fit(train)
            frames += [prediction_rows(name, number, clips[k], predict(clips[k]), mean, {}) for k in fold.test]
    return pd.concat(frames, ignore_index=True)


def _rows(clip: Clip) -> Floats:
    return with_context(clip.tensors["features"].astype(np.float64))


def _table(clips: Sequence[Clip]) -> tuple[Floats, Floats, list[str], Floats]:
    """Rows of labelled bars, their labels, songs, and weights under which clips count equally."""
    rows = np.concatenate([_rows(c)[c.known] for c in clips])
    labels = np.concatenate([c.labels[c.known] for c in clips])
    counts = [int(c.known.sum()) for c in clips]
    weight = np.repeat([1 / n for n in counts], counts)
    songs = [c.song_id for c, n in zip(clips, counts, strict=True) for _ in range(n)]
    return rows, labels, songs, weight * len(weight) / weight.sum()
