"""Weights of layers from their scores."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from sonoscope.directions.errors import DirectionError
from sonoscope.statistics.arrays import Floats, numbers

LayerRule = Literal["all", "top_k", "linear", "power", "softmax"]


def layer_weights(
    scores: Sequence[float],
    rule: LayerRule = "power",
    *,
    base: float = 1.0,
    top_k: int = 16,
    kappa: float = 0.95,
    temperature: float = 0.1,
    floor: float = 0.0,
) -> Floats:
    """Weight of each layer, in the order of ``scores`` (larger is better).

    With ŝ the scores scaled to [0, 1] over the layers given, a layer weighs

    - ``all``: w₀;
    - ``top_k``: w₀ for the best ``top_k`` layers (the earlier of equals), 0 for the rest;
    - ``linear``: w₀ ŝ;
    - ``power``: w₀ ŝ^(1/κ), the published rule, there called exponential although it is a power law and at κ = 0.95
      almost linear;
    - ``softmax``: w₀ exp((s - max s) / temperature), an exponential in the raw score; the best layer weighs w₀.

    If all scores are equal (to 1e-9) no layer is better than another: ``linear`` and ``power`` give w₀ to all. Every
    weight is at least ``floor`` · w₀, except those that ``top_k`` leaves out.

    Raises
    ------
    DirectionError
        No scores, NaN among them, or ``top_k``, ``kappa`` or ``temperature`` not positive.
    """
    values = numbers(scores, "layer scores")
    if top_k < 1 or kappa <= 0 or temperature <= 0 or not 0 <= floor <= 1:
        raise DirectionError(
            f"layer weights: expected top_k >= 1, kappa > 0, temperature > 0 and 0 <= floor <= 1, "
            f"found {top_k}, {kappa}, {temperature}, {floor}"
        )
    if rule == "all":
        return np.full(values.size, base)
    if rule == "top_k":
        chosen = np.argsort(-values, kind="stable")[:top_k]
        return np.where(np.isin(np.arange(values.size), chosen), base, 0.0)
    if rule == "softmax":
        return np.asarray(base * np.maximum(np.exp((values - values.max()) / temperature), floor), dtype=np.float64)
    spread = values.max() - values.min()
    if spread < 1e-9:
        return np.full(values.size, base)
    scaled = (values - values.min()) / spread
    shaped = scaled if rule == "linear" else scaled ** (1 / kappa)
    return np.asarray(base * np.maximum(shaped, floor), dtype=np.float64)
