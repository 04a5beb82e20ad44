"""Corrections for many tests."""

import numpy as np
from numpy.typing import ArrayLike

from sonoscope.statistics.arrays import Floats, numbers


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """P-values adjusted to control the false discovery rate (Benjamini and Hochberg 1995)."""
    p = numbers(p_values, "p_values")
    order = np.argsort(p)[::-1]
    ranks = np.arange(p.size, 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(p[order] * p.size / ranks))
    return adjusted


def holm(p_values: ArrayLike) -> Floats:
    """P-values adjusted to control the family-wise error (Holm 1979)."""
    p = numbers(p_values, "p_values")
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * (p.size - np.arange(p.size))))
    return adjusted
