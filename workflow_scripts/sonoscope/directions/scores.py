"""How well projections and predictions order held-out clips, by kind of target. Larger is better throughout."""

import numpy as np
import torch
from torch import Tensor

from sonoscope.directions.targets import Groups, Target
from sonoscope.statistics.arrays import Floats, Ints
from sonoscope.statistics.bootstrap import Interval, WeightedStatistic, bootstrap_interval
from sonoscope.statistics.correlation import weighted_pearson
from sonoscope.statistics.effects import weighted_auc


def nearest_mean(projections: Tensor, target: Target, held_out: Tensor) -> Tensor:
    """Class of each held-out row of projections (m, k): that of the nearest training class mean."""
    means = target.values.T @ projections / target.values.sum(0)[:, None]
    return torch.cdist(held_out, means).argmin(1)


def projection_score(projections: Tensor, target: Target, held_out: Tensor, held_out_target: Target) -> float:
    """Score of projections (m, k), oriented by the training projections (n, k).

    AUC for two classes, Pearson correlation for a number, both of the first component; balanced accuracy of the nearest
    class mean for several classes. Chance, if the held-out labels do not vary.
    """
    if target.kind == "classes":
        return balanced_accuracy(nearest_mean(projections, target, held_out), held_out_target)
    label = target.raw()
    sign = torch.sign((projections[:, 0] * (label - label.mean())).sum())
    return column_score(sign * held_out[:, 0], held_out_target)


def prediction_score(predictions: Tensor, held_out_target: Target) -> float:
    """Score of predictions (m, outputs): AUC, 1 - mean squared error of z-scores, or balanced accuracy."""
    if held_out_target.kind == "classes":
        return balanced_accuracy(predictions.argmax(1), held_out_target)
    if held_out_target.kind == "continuous":
        return 1 - float((predictions - held_out_target.values).square().mean())
    return column_score(predictions[:, 0], held_out_target)


def column_score(values: Tensor, target: Target) -> float:
    """AUC or Pearson correlation of one column of values with the label."""
    label = target.raw()
    if target.kind == "binary":
        positive, negative = values[label > 0.5], values[label <= 0.5]
        if positive.numel() == 0 or negative.numel() == 0:
            return 0.5
        return float((torch.sign(positive[:, None] - negative[None, :]) / 2 + 0.5).mean())
    first, second = values - values.mean(), label - label.mean()
    scale = float(first.norm() * second.norm())
    return float(first @ second) / scale if scale > 0 else 0.0


def balanced_accuracy(predicted: Tensor, target: Target) -> float:
    """Mean over the classes present of the share of hits."""
    hits = target.values.gather(1, predicted[:, None])[:, 0]
    counts = target.values.sum(0)
    per_class = (hits[:, None] * target.values).sum(0)[counts > 0] / counts[counts > 0]
    return float(per_class.mean())


class Scored:
    """Gathers out-of-fold projections, each in σ of its own training fold, and what they should have been."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.values: Floats = np.zeros(len(target))

    @staticmethod
    def name_and_chance(target: Target) -> tuple[str, float]:
        """Name of the score and its value by chance."""
        names = {
            "binary": ("AUC", 0.5),
            "continuous": ("Pearson correlation", 0.0),
            "classes": ("balanced accuracy", 1 / max(1, len(target.classes))),
        }
        return names[target.kind]

    def add(self, rows: Ints, projections: Tensor, target: Target, held_out: Tensor) -> None:
        """Take the held-out projections (m, k) of ``rows``, given those of the training clips (n, k)."""
        if target.kind == "classes":
            self.values[rows] = nearest_mean(projections, target, held_out).cpu().numpy()
        else:
            scale = projections[:, 0].std(correction=0).clamp_min(torch.finfo(projections.dtype).tiny)
            self.values[rows] = (held_out[:, 0] / scale).cpu().numpy()

    def interval(self, generator: np.random.Generator, groups: Groups, resamples: int) -> Interval:
        """Score of all out-of-fold values with a percentile bootstrap interval over groups."""
        return bootstrap_interval(self._statistic(), len(self.target), generator, groups, resamples=resamples)

    def _statistic(self) -> WeightedStatistic:
        if self.target.kind == "classes":
            return _weighted_accuracy(self.values, self.target.values.cpu().numpy().astype(np.float64))
        label = self.target.raw().cpu().numpy()
        return (
            weighted_auc(self.values, label) if self.target.kind == "binary" else weighted_pearson(self.values, label)
        )


def _weighted_accuracy(predicted: Floats, one_hot: Floats) -> WeightedStatistic:
    hits = one_hot * (predicted.astype(np.int64) == one_hot.argmax(1))[:, None]

    def statistic(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            value: Floats = ((weights @ hits) / (weights @ one_hot)).mean(1)
        return value

    return statistic
