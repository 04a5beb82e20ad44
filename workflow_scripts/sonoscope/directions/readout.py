"""Linear readouts of several classes, and of a number, in closed form."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class RidgeRegression:
    """Ridge regression with intercept on standardised features, for any number of outputs and penalties at once.

    Attributes
    ----------
    penalties
        In units of the number of clips, so that they mean the same for any.
    """

    def __init__(self, penalties: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0, 10.0)) -> None:
        self.penalties = penalties

    def fit(self, features: NDArray[np.floating], targets: NDArray[np.floating]) -> Self:
        """Learn from features (n, dim) and targets (n, outputs)."""
        x, y = features.astype(np.float64), targets.astype(np.float64)
        self._mean, std = x.mean(0), x.std(0)
        self._std = np.where(std > 1e-9 * max(float(std.max()), 1e-300), std, 1.0)
        left, singular, right = np.linalg.svd((x - self._mean) / self._std, full_matrices=False)
        self._offset = y.mean(0)
        along = left.T @ (y - self._offset)
        self.weights_ = [right.T @ (along * (singular / (singular**2 + p * len(x)))[:, None]) for p in self.penalties]
        return self

    def predict(self, features: NDArray[np.floating], number: int = 0) -> Floats:
        """Predictions (m, outputs) with one of the penalties."""
        scaled = (features.astype(np.float64) - self._mean) / self._std
        return np.asarray(scaled @ self.weights_[number] + self._offset, dtype=np.float64)


class RidgeClassifier:
    """One-hot ridge regression and arg-max."""

    def __init__(self, penalty: float = 1e-1) -> None:
        self.penalty = penalty

    def fit(self, features: NDArray[np.floating], labels: NDArray[np.str_]) -> Self:
        """Learn from features (n, dim) and labels (n,)."""
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self._ridge = RidgeRegression((self.penalty,)).fit(features, np.eye(len(self.classes_))[codes])
        return self

    def predict(self, features: NDArray[np.floating]) -> NDArray[np.str_]:
        """Labels (m,)."""
        said: NDArray[np.str_] = self.classes_[self._ridge.predict(features).argmax(1)]
        return said
