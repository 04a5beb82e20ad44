"""Estimators and schemes at equal quality: coefficients are not comparable, what they cost is.

Along a curve of arms (the unsteered clips, then rising coefficients) accuracy and the increase of the negative
log-likelihood are joined by straight lines. Accuracy within a budget is the largest on the part that costs no more; the
cost of a level is the least on the part that reaches it. Both are resampled over prompts, all arms together, so that
differences between estimators are paired.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.contracts.steering import MATCHED
from sonoscope.settings.concepts import TEMPO
from sonoscope.settings.injection import CONTROLS
from sonoscope.statistics.proportions import wilson_interval
from sonoscope.steering.analysis import changes
from sonoscope.steering.plan import UNSTEERED

Floats = NDArray[np.float64]
_POINTS = 33
"""Points between two arms at which a curve is looked at."""
_LEVEL = 0.9
"""Share of what the weakest of the judged estimators reaches at most, as the accuracy at which costs are compared."""


def matched_quality(scores: pd.DataFrame, budget: float, seed: int, resamples: int) -> pd.DataFrame:
    """One row per variant, estimator and target that has classes."""
    rows = []
    scores = scores[scores["target"] != TEMPO].assign(nll_change=changes(scores, "nll"))
    for (concept, target), part in scores.groupby(["concept", "target"], sort=True):
        curves = {
            (str(variant), str(estimator)): _curve(part, str(variant), str(estimator), seed, resamples)
            for variant, estimator in part[["variant", "estimator"]].drop_duplicates().itertuples(index=False)
            if estimator != UNSTEERED
        }
        best = [float(accuracy[0].max()) for (_, e), (_, accuracy) in curves.items() if e not in CONTROLS]
        level = _LEVEL * min(best) if best else 0.0
        for (variant, estimator), (cost, accuracy) in curves.items():
            within = _within(cost, accuracy, budget)
            needed = _needed(cost, accuracy, level)
            clips = int((part["estimator"] == UNSTEERED).sum())
            drawn = np.quantile(within[1:], [0.025, 0.975])
            # where all clips agree resampling shows no spread; Wilson's interval knows how few they are
            wilson = wilson_interval(round(float(within[0]) * clips), clips)
            low, high = min(drawn[0], wilson.low, within[0]), max(drawn[1], wilson.high, within[0])
            rows.append(
                {
                    "experiment": str(part["experiment"].iloc[0]), "variant": variant, "estimator": estimator,
                    "concept": concept, "target": target, "budget": budget, "n": clips, "accuracy": within[0],
                    "low": low, "high": high, "level": level, **_costs(needed),
                }
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(MATCHED.columns))


def paired_difference(
    scores: pd.DataFrame, variant: str, first: str, second: str, budget: float, seed: int, resamples: int
) -> tuple[float, float, float]:
    """Accuracy of one estimator less that of another within a budget, with its paired 95 % interval."""
    scores = scores.assign(nll_change=changes(scores, "nll"))
    one, other = (_within(*_curve(scores, variant, e, seed, resamples), budget) for e in (first, second))
    low, high = np.quantile((one - other)[1:], [0.025, 0.975])
    return float(one[0] - other[0]), float(low), float(high)


def cost_difference(
    scores: pd.DataFrame, variant: str, first: str, second: str, level: float, seed: int, resamples: int
) -> tuple[float, float, float] | None:
    """Increase of NLL that one estimator needs for an accuracy less what another needs, with its paired 95 % interval.

    Resamples in which one of them never reaches the accuracy are left out. None where that is so in the clips as they
    are.
    """
    scores = scores.assign(nll_change=changes(scores, "nll"))
    one, other = (_needed(*_curve(scores, variant, e, seed, resamples), level) for e in (first, second))
    if not np.isfinite(one[0] + other[0]):
        return None
    there = np.isfinite(one) & np.isfinite(other)
    found = one[there] - other[there]
    low, high = np.quantile(found, [0.025, 0.975])
    difference = float(found[0])
    return difference, min(float(low), difference), max(float(high), difference)


def highest_accuracy(scores: pd.DataFrame, variant: str, estimator: str) -> float:
    """Largest accuracy along the curve of one estimator."""
    return float(_curve(scores.assign(nll_change=0.0), variant, estimator, 0, 1)[1][0].max())


def _costs(needed: Floats) -> dict[str, float | None]:
    if not np.isfinite(needed[0]):
        return {"cost": None, "cost_low": None, "cost_high": None}
    there = needed[np.isfinite(needed)]
    low, high = np.quantile(there, [0.025, 0.975])
    return {"cost": float(needed[0]), "cost_low": float(min(low, needed[0])), "cost_high": float(max(high, needed[0]))}


def _curve(part: pd.DataFrame, variant: str, estimator: str, seed: int, resamples: int) -> tuple[Floats, Floats]:
    """Cost and accuracy along the curve, ``(1 + resamples, points)``; the first row is the estimate.

    Coefficients of one sign are one curve; where both signs were pushed, the positive ones are judged.
    """
    own = part[(part["variant"] == variant) & (part["estimator"] == estimator)]
    if (own["coefficient"] > 0).any():
        own = own[own["coefficient"] > 0]
    unsteered = part[part["estimator"] == UNSTEERED]
    prompts = sorted(set(part["prompt"]))
    drawn = np.random.default_rng([seed, 31]).multinomial(
        len(prompts), np.full(len(prompts), 1 / len(prompts)), resamples
    )
    weights = np.concatenate([np.ones((1, len(prompts))), drawn.astype(np.float64)])
    arms = [unsteered, *(a for _, a in sorted(own.groupby("coefficient"), key=lambda x: abs(float(str(x[0])))))]
    cost, accuracy = (
        np.stack([_means(arm, column, prompts, weights) for arm in arms], axis=1) for column in ("nll_change", "score")
    )
    return _dense(cost), _dense(accuracy)


def _means(arm: pd.DataFrame, column: str, prompts: list[str], weights: Floats) -> Floats:
    by_prompt = arm.groupby("prompt")[column]
    total, count = (
        getattr(by_prompt, how)().reindex(prompts).fillna(0.0).to_numpy(dtype=np.float64) for how in ("sum", "size")
    )
    return np.asarray(weights @ total / np.maximum(weights @ count, 1e-12), dtype=np.float64)


def _dense(values: Floats) -> Floats:
    """Points on the straight lines between neighbouring arms."""
    arms = np.arange(values.shape[1])
    at = np.linspace(0, arms[-1], _POINTS * max(1, len(arms) - 1)) if len(arms) > 1 else np.zeros(1)
    below = np.minimum(at.astype(int), max(len(arms) - 2, 0))
    share = at - below
    above = np.minimum(below + 1, len(arms) - 1)
    return np.asarray(values[:, below] * (1 - share) + values[:, above] * share, dtype=np.float64)


def _within(cost: Floats, accuracy: Floats, budget: float) -> Floats:
    return np.asarray(np.where(cost <= budget + 1e-12, accuracy, -np.inf).max(axis=1), dtype=np.float64)


def _needed(cost: Floats, accuracy: Floats, level: float) -> Floats:
    return np.asarray(np.where(accuracy >= level, cost, np.inf).min(axis=1), dtype=np.float64)
