"""Directions by Recursive Feature Machines."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import Tensor

from sonoscope.directions.errors import DirectionError
from sonoscope.directions.estimator import Estimator, Learned
from sonoscope.directions.metric import Normalisation
from sonoscope.directions.recursion import KernelSettings, fitted_iterate
from sonoscope.directions.search import Choice, Criterion, SearchSpace, centred_targets, choose, new_metric
from sonoscope.directions.stacked import choose_stacked
from sonoscope.directions.targets import Groups, Target
from sonoscope.statistics.splits import grouped_folds


@dataclass(kw_only=True)
class RFM(Estimator):
    """Leading eigenvectors of the average gradient outer product of a kernel predictor that learned its own metric.

    Hidden states are centred by the training mean first: with a large common mean, float32 distances lose the concept.
    The best iterate (updates of the metric) is part of the choice made in inner folds; the chosen settings are then
    refitted on all clips of the outer fold for exactly that many updates.

    Attributes
    ----------
    settings
        Hyperparameters when nothing is searched, and always the first point of a search.
    iterations
        Largest number of updates of the metric.
    search_points
        Random points drawn beside ``settings``.
    inner_folds
        Folds of the choice. 0 makes no choice: ``settings`` with exactly ``iterations`` updates.
    criterion
        See `choose`.
    n_components
        Eigenvectors kept. Injection uses the first.
    normalisation
        Of the metric: ``spread`` (default; the training points keep their mean squared distance; invariant to rotation,
        translation and scale), ``trace`` (invariant to rotation), ``max_entry`` (published; depends on the basis).
    """

    settings: KernelSettings = field(default_factory=KernelSettings)
    space: SearchSpace = field(default_factory=SearchSpace)
    iterations: int = 4
    search_points: int = 10
    inner_folds: int = 3
    criterion: Criterion = "projection"
    n_components: int = 1
    normalisation: Normalisation = "spread"

    _given: Iterator[Choice] | None = field(default=None, init=False, repr=False)

    @classmethod
    def legacy(cls, **hyperparameters: object) -> "RFM":
        """The published set-up: largest-entry normalisation, absolute bandwidths from 1 to 100, predictor's score.

        States are still centred and splits still grouped; only what keeps numbers comparable is brought back.
        """
        published: dict[str, object] = {
            "settings": KernelSettings(bandwidth=10.0, penalty=1e-3, bandwidth_unit="absolute"),
            "space": SearchSpace(bandwidth=(1.0, 100.0), bandwidth_unit="absolute"),
            "iterations": 15,
            "search_points": 100,
            "criterion": "predictor",
            "normalisation": "max_entry",
            "n_components": 12,
        }
        return cls(**{**published, **hyperparameters})  # type: ignore[arg-type]

    def _learn(self, states: Tensor, target: Target, groups: Groups) -> Learned:
        chosen = self._choose(states, target, groups)
        metric = new_metric(states, [], self.normalisation)
        iterate = fitted_iterate(metric, centred_targets(target), chosen.settings, chosen.iteration)
        values, vectors = iterate.eigenpairs(self.n_components)
        if vectors.shape[0] == 0:
            raise DirectionError(
                "rfm: the predictor is flat (all gradients are 0); use a smaller penalty or a larger bandwidth"
            )
        details = {
            **asdict(chosen.settings),
            "iteration": iterate.number,
            "criterion": self.criterion,
            "curve": list(chosen.curve),
        }
        return Learned(vectors, values / iterate.trace(), details)

    def _choose(self, states: Tensor, target: Target, groups: Groups) -> Choice:
        if self._given is not None:
            return next(self._given)
        if self.inner_folds == 0:
            return Choice(self.settings, self.iterations, 0.0, ())
        return choose(
            states,
            target,
            groups,
            self._candidates(),
            iterations=self.iterations,
            folds=self.inner_folds,
            generator=np.random.default_rng([self.seed, 4]),
            criterion=self.criterion,
            normalisation=self.normalisation,
            components=self._compared(target),
        )

    def _candidates(self) -> list[KernelSettings]:
        return [self.settings, *self.space.draw(self.search_points, np.random.default_rng([self.seed, 3]))]

    def _compared(self, target: Target) -> int:
        """Eigenvectors whose projections are scored in the choice."""
        return self.n_components if target.kind == "classes" else 1

    def can_share(self) -> bool:
        """Whether the choice can be made for many layers at once; see `share_choices`."""
        return self.inner_folds > 0 and self.criterion == "projection" and self.normalisation == "spread"


def share_choices(estimators: Sequence[RFM], hidden_states: Tensor, labels: Tensor, groups: Tensor | None) -> None:
    """Make the choices of all layers in batched products, for `RFM.fit` to take instead of making them one by one.

    Parameters
    ----------
    estimators
        One per layer, unfitted, all alike, of which `RFM.can_share` is true.
    hidden_states
        Shape (n, layers, dim).
    """
    one, states = estimators[0], hidden_states.to(estimators[0].dtype)
    target = Target.from_labels(labels.to(states.device), one.target, one.dtype)
    names = None if groups is None else groups.cpu().numpy()
    everything = np.arange(len(target))
    folds = [] if one.folds == 0 else grouped_folds(
        len(target), one.folds, np.random.default_rng([one.seed, 1]), names, target.strata()
    )  # fmt: skip
    found = [
        choose_stacked(
            states[torch.from_numpy(rows)],
            target if rows is everything else target.take(rows),
            None if names is None else names[rows],
            one._candidates(),
            iterations=one.iterations,
            folds=one.inner_folds,
            generator=np.random.default_rng([one.seed, 4]),
            components=one._compared(target),
        )
        for rows in [everything, *(train for train, _ in folds)]
    ]
    for layer, estimator in enumerate(estimators):
        estimator._given = iter([choices[layer] for choices in found])
