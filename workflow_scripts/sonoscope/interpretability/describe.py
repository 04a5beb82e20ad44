"""What the residual stream of a clip looks like, in numbers that mean something on a dense vector."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STATISTICS: tuple[str, ...] = ("mean", "std", "norm", "kurtosis", "hoyer", "near_zero")
"""Names of the columns of `clip_statistics`."""
NEAR = 0.1
"""A component counts as near zero below this share of the root mean square of its vector. Exact zeros do not occur."""


def clip_statistics(states: NDArray[np.floating]) -> Floats:
    """Statistics of one clip, ``(layers, 6)``, of hidden states ``(layers, frames, dim)``: means over frames.

    Mean and standard deviation over the components; norm; excess kurtosis; Hoyer's sparsity
    ``(sqrt(D) - l1 / l2) / (sqrt(D) - 1)``, 0 for equal magnitudes and 1 for a single component (Hoyer 2004); and the
    share of components below `NEAR` of the root mean square.
    """
    x = np.asarray(states, dtype=np.float64)
    dim = x.shape[-1]
    mean, std = x.mean(-1), x.std(-1)
    norm = np.linalg.norm(x, axis=-1)
    centred = x - mean[..., None]
    kurtosis = (centred**4).mean(-1) / np.maximum(std**4, 1e-24) - 3
    hoyer = (dim**0.5 - np.abs(x).sum(-1) / np.maximum(norm, 1e-12)) / (dim**0.5 - 1)
    near = (np.abs(x) < NEAR * (norm / dim**0.5)[..., None]).mean(-1)
    return np.asarray(np.stack([mean, std, norm, kurtosis, hoyer, near], axis=-1).mean(1))
