"""The array types of this package, and the checks that every function makes first."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonoscope.statistics.errors import StatisticsError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def numbers(values: ArrayLike, name: str) -> Floats:
    """One-dimensional finite float64 array.

    Raises
    ------
    StatisticsError
        The array has another shape, is empty, or holds NaN or infinity.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise StatisticsError(f"{name}: expected one dimension and at least one value, found shape {array.shape}")
    if not np.isfinite(array).all():
        raise StatisticsError(
            f"{name}: {int((~np.isfinite(array)).sum())} values are NaN or infinite; expected finite ones"
        )
    return array


def binary(labels: ArrayLike, name: str = "labels") -> NDArray[np.bool_]:
    """Boolean array of labels with both classes present (1 or True is positive).

    Raises
    ------
    StatisticsError
        A value is neither 0 nor 1, or only one class is present.
    """
    array = numbers(np.asarray(labels, dtype=np.float64), name)
    if not np.isin(array, (0.0, 1.0)).all():
        raise StatisticsError(f"{name}: expected 0 and 1, found {np.unique(array)[:5].tolist()}")
    if array.min() == array.max():
        raise StatisticsError(f"{name}: expected both classes, found only {array[0]:g} in {array.size} values")
    return array.astype(bool)


def group_codes(groups: ArrayLike | None, n: int) -> Ints:
    """Group of each row as 0, 1, 2, … in order of sorted name; without groups each row is its own.

    Raises
    ------
    StatisticsError
        ``groups`` does not have one entry per row.
    """
    if groups is None:
        return np.arange(n, dtype=np.int64)
    array = np.asarray(groups)
    if array.shape != (n,):
        raise StatisticsError(f"groups: expected one entry for each of {n} rows, found shape {array.shape}")
    return np.unique(array, return_inverse=True)[1].astype(np.int64)
