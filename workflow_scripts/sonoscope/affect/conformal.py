"""Intervals that hold for songs that were not learned from, whatever the model (split conformal prediction).

Bars of one song are not exchangeable with those of another, songs are. So the residuals of a held-out song count
together as one song, by the pooled distribution function of Dunn, Wasserman and Ramdas (2023, JASA 118:2491,
"Distribution-free prediction sets for two-layer hierarchical models"); it covers a bar of a new song with the wanted
probability as the number of held-out songs grows. Shift of style breaks the promise: `sonoscope.affect.distance`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def half_width(residuals: ArrayLike, songs: ArrayLike, level: float) -> float | None:
    """Half of the interval around a prediction.

    Parameters
    ----------
    residuals : array (n,)
        Label minus prediction of held-out bars.
    songs : array (n,)
        Song of each.
    level : float
        Wanted coverage.

    Returns
    -------
    float or None
        None where there are too few songs for the level: no finite interval would do.
    """
    size = np.abs(np.asarray(residuals, np.float64))
    codes = np.unique(np.asarray(songs), return_inverse=True)[1]
    count = int(codes.max()) + 1 if len(codes) else 0
    wanted = level * (1 + 1 / count) if count else 2.0
    if wanted > 1:
        return None
    weight: NDArray[np.float64] = 1 / np.bincount(codes)[codes] / count
    order = np.argsort(size, kind="stable")
    reached = np.cumsum(weight[order])
    return float(size[order][min(int(np.searchsorted(reached, wanted - 1e-12)), len(size) - 1)])
