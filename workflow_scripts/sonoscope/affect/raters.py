"""How well people agree: no model can be told right beyond that."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonoscope.affect.labels import DIMENSIONS

Floats = NDArray[np.float64]

HALVINGS: Final = 20
_LEAST_SD = 1e-9


def agreement(ratings: Mapping[str, Floats], seed: int) -> dict[str, Any]:
    """Split-half reliability of the mean rating of bars, by dimension.

    The raters of every piece are halved at random, `HALVINGS` times, and the two means are correlated: over all bars
    (``split_half``), and within each piece, of which the median is given (``within``). ``full`` is what Spearman and
    Brown expect of the mean of all raters, 2r / (1 + r), and ``ceiling``, its root, the correlation with that mean
    which a model without any error of its own would reach.

    Parameters
    ----------
    ratings : mapping
        By piece, ``(raters, bars, 2)``; pieces of fewer than two raters are left out.
    seed : int
        Of the halvings.

    Returns
    -------
    dict
        Empty without pieces; JSON-ready.
    """
    pieces = [r for r in ratings.values() if len(r) >= 2]
    if not pieces:
        return {}
    rng = np.random.default_rng((seed, 11))
    over, inside = np.zeros((HALVINGS, 2)), np.zeros((HALVINGS, 2))
    for k in range(HALVINGS):
        halves = [_halved(r, rng) for r in pieces]
        for d in range(2):
            a, b = (np.concatenate([h[side][:, d] for h in halves]) for side in range(2))
            over[k, d] = _correlation(a, b)
            each = np.array([_correlation(h[0][:, d], h[1][:, d]) for h in halves])
            inside[k, d] = np.median(each[np.isfinite(each)]) if np.isfinite(each).any() else np.nan
    found: dict[str, Any] = {"pieces": len(pieces), "raters": float(np.mean([len(r) for r in pieces]))}
    for d, dimension in enumerate(DIMENSIONS):
        half = float(over[:, d].mean())
        full = 2 * half / (1 + half) if half > 0 else 0.0
        found[dimension] = {
            "split_half": half,
            "full": full,
            "ceiling": full**0.5,
            "within": None if np.isnan(inside[:, d]).all() else float(np.nanmean(inside[:, d])),
            "between_rater_sd": float(np.mean([r[:, :, d].std(0, ddof=1).mean() for r in pieces])),
        }
    return found


def _halved(ratings: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    order, middle = rng.permutation(len(ratings)), len(ratings) // 2
    return ratings[order[:middle]].mean(0), ratings[order[middle:]].mean(0)


def _correlation(a: Floats, b: Floats) -> float:
    if len(a) < 2 or min(a.std(), b.std()) < _LEAST_SD:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
