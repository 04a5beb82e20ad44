"""Measures of predictions against labels, from sums over songs, so that songs can be resampled by one matrix product.

``M`` holds per song: 1, t, p, t², p², tp, |t − p|, (t − p)², (t − m)², with label t, prediction p and the mean m of the
labels that were learned from.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from sonoscope.statistics import auc

Floats = NDArray[np.float64]


def moments(t: Floats, p: Floats, m: Floats, group: NDArray[np.int64], groups: int) -> Floats:
    """Sums by group, ``(groups, 9)``."""
    columns = (np.ones_like(t), t, p, t * t, p * p, t * p, np.abs(t - p), (t - p) ** 2, (t - m) ** 2)
    return np.stack([np.bincount(group, c, minlength=groups) for c in columns], axis=1)


def _parts(sums: Floats) -> tuple[Floats, ...]:
    n, t, p, tt, pp, tp = sums[:, :6].T
    mean_t, mean_p = t / n, p / n
    return mean_t, mean_p, tt / n - mean_t**2, pp / n - mean_p**2, tp / n - mean_t * mean_p


def _safe(a: Floats, b: Floats) -> Floats:
    return np.divide(a, b, out=np.full_like(a, np.nan), where=np.abs(b) > 1e-12)


def ccc(sums: Floats) -> Floats:
    """Lin's concordance correlation: 2 cov / (var t + var p + (mean t − mean p)²)."""
    mean_t, mean_p, var_t, var_p, covariance = _parts(sums)
    return _safe(2 * covariance, var_t + var_p + (mean_t - mean_p) ** 2)


def pearson(sums: Floats) -> Floats:
    """Pearson's correlation; NaN for a constant."""
    _, _, var_t, var_p, covariance = _parts(sums)
    return _safe(covariance, np.sqrt(np.maximum(var_t * var_p, 0)))


def slope(sums: Floats) -> Floats:
    """Slope of the label on the prediction; 1 means that predictions have the right size."""
    _, _, _, var_p, covariance = _parts(sums)
    return _safe(covariance, var_p)


def sd_ratio(sums: Floats) -> Floats:
    """Spread of predictions over that of labels; below 1 they shrink to the mean."""
    _, _, var_t, var_p, _ = _parts(sums)
    return np.sqrt(np.maximum(_safe(var_p, var_t), 0))


def r2(sums: Floats) -> Floats:
    """Share of the squared error of the training mean that is gone."""
    return 1 - _safe(sums[:, 7], sums[:, 8])


MEASURES: Final[Mapping[str, Callable[[Floats], Floats]]] = {
    "mae": lambda s: s[:, 6] / s[:, 0],
    "mse": lambda s: s[:, 7] / s[:, 0],
    "rmse": lambda s: np.sqrt(s[:, 7] / s[:, 0]),
    "r2": r2,
    "pearson": pearson,
    "ccc": ccc,
    "slope": slope,
    "sd_ratio": sd_ratio,
}
"""Measures of one dimension from sums ``(resamples, 9)``."""


def ranks(values: Floats) -> Floats:
    """Ranks, ties at their middle; correlating them gives Spearman's coefficient."""
    found: Floats = np.asarray(rankdata(values), np.float64)
    return found


def sign_auc(t: Floats, p: Floats) -> float | None:
    """Area under the ROC curve for a positive label; None where all labels have one sign."""
    positive = t >= 0
    return None if positive.all() or not positive.any() else float(auc(p, positive))


def quadrant(affect: Floats) -> NDArray[np.int64]:
    """Russell's quadrant 1 to 4 of ``(n, 2)``; zero counts as positive."""
    valence, arousal = affect[:, 0] >= 0, affect[:, 1] >= 0
    return np.where(arousal, np.where(valence, 1, 2), np.where(valence, 4, 3))


def macro_f1(true: NDArray[np.int64], said: NDArray[np.int64]) -> float:
    """Mean F1 of the quadrants that occur among the labels."""
    scores = []
    for q in np.unique(true):
        hits = float(((true == q) & (said == q)).sum())
        scores.append(2 * hits / max(float((true == q).sum() + (said == q).sum()), 1.0))
    return float(np.mean(scores))


def within(values: Floats, clip: NDArray[np.int64]) -> Floats:
    """Values minus the mean of their clip."""
    mean = np.bincount(clip, values) / np.maximum(np.bincount(clip), 1)
    return values - mean[clip]


def lag_one(values: Floats, clip: NDArray[np.int64]) -> float | None:
    """Correlation of neighbouring bars around the mean of their clip, over all clips; None without variation."""
    centred = within(values, clip)
    inside = clip[1:] == clip[:-1]
    total = float((centred**2).sum())
    return None if total < 1e-12 else float((centred[1:] * centred[:-1])[inside].sum() / total)
