"""How unlike the training bars a bar is: a model is no judge of music that it never met.

Mahalanobis distance of the model's inputs, its covariance shrunk towards the diagonal (after Ledoit and Wolf 2004),
in units of the distance that 99 % of the bars of held-out songs stay below. A score beyond 1 is a reason to abstain.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

Floats = NDArray[np.float64]
QUANTILE = 0.99


@dataclass(frozen=True)
class Distance:
    """Centre ``(width,)`` and whitening matrix ``(width, width)`` of training bars, and the unit of the score."""

    centre: Floats
    whiten: Floats
    unit: float

    @classmethod
    def of(cls, training: NDArray[np.float32], held_out: NDArray[np.float32]) -> "Distance":
        """From normalised inputs of bars, ``(bars, width)`` each."""
        rows = training.astype(np.float64)
        covariance, _ = ledoit_wolf(rows)
        values, vectors = np.linalg.eigh(covariance)
        whiten = vectors / np.sqrt(np.maximum(values, 1e-6 * values.max()))
        found = cls(rows.mean(0), whiten, 1.0)
        unit = float(np.quantile(found(held_out), QUANTILE)) if len(held_out) else 1.0
        return cls(found.centre, whiten, max(unit, 1e-9))

    def __call__(self, rows: NDArray[np.float32]) -> Floats:
        """Score of every bar."""
        moved = (rows.astype(np.float64) - self.centre) @ self.whiten
        score: Floats = np.sqrt((moved**2).sum(1)) / self.unit
        return score
