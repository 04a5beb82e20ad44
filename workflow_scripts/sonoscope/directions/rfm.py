"""Directions by Recursive Feature Machines."""

from dataclasses import asdict, dataclass, field

import numpy as np
from torch import Tensor

from sonoscope.directions.errors import DirectionError
from sonoscope.directions.estimator import Estimator, Learned
from sonoscope.directions.metric import Normalisation
from sonoscope.directions.recursion import KernelSettings, fitted_iterate
from sonoscope.directions.search import Choice, Criterion, SearchSpace, centred_targets, choose, new_metric
from sonoscope.directions.targets import Groups, Target


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
        if self.inner_folds == 0:
            return Choice(self.settings, self.iterations, 0.0, ())
        drawn = self.space.draw(self.search_points, np.random.default_rng([self.seed, 3]))
        return choose(
            states,
            target,
            groups,
            [self.settings, *drawn],
            iterations=self.iterations,
            folds=self.inner_folds,
            generator=np.random.default_rng([self.seed, 4]),
            criterion=self.criterion,
            normalisation=self.normalisation,
            components=self.n_components if target.kind == "classes" else 1,
        )
