"""One interface for everything that finds a direction.

Constructor arguments are hyperparameters; `fit` learns; what it learned ends in an underscore. Whatever the estimator,
the reported score is out-of-fold: in each outer fold the direction, its hyperparameters and its orientation come from
the training clips only, and no group (render, instrument, song) stands on two sides.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor

from sonoscope.directions.errors import DirectionError
from sonoscope.directions.scores import Scored
from sonoscope.directions.targets import Groups, Kind, Target
from sonoscope.statistics.bootstrap import Interval
from sonoscope.statistics.splits import grouped_folds


@dataclass(frozen=True)
class Learned:
    """What one run of an estimator on one set of clips found.

    Attributes
    ----------
    components
        Orthonormal directions (k, dim), the one to inject first.
    eigenvalues
        Weight of each component (k,), as a share of the whole where the estimator knows it.
    details
        Chosen hyperparameters and the trace of their choice, as plain data.
    """

    components: Tensor
    eigenvalues: Tensor
    details: dict[str, object] = field(default_factory=dict)


@dataclass(kw_only=True)
class Estimator(ABC):
    """Base of all estimators of directions.

    Attributes
    ----------
    target
        What labels mean; ``auto`` tells by their values (see `Target.from_labels`).
    folds
        Outer folds of the reported score; 0 leaves the score out.
    seed
        Of folds, draws and bootstrap.
    dtype
        Precision of the fit.
    resamples
        Bootstrap resamples of the score's interval.
    """

    target: Kind | Literal["auto"] = "auto"
    folds: int = 3
    seed: int = 0
    dtype: torch.dtype = torch.float64
    resamples: int = 1000

    direction_: Tensor = field(init=False, repr=False)
    """Unit vector (dim,), float32, pointing to larger labels if ``sign_`` is 1."""
    components_: Tensor = field(init=False, repr=False)
    """Directions (k, dim), float32; the first is ``direction_``."""
    eigenvalues_: Tensor = field(init=False, repr=False)
    mean_: Tensor = field(init=False, repr=False)
    """Mean hidden state (dim,), float32."""
    mean_norm_: float = field(init=False, repr=False)
    """Mean Euclidean norm of the hidden states: the unit of a relative coefficient."""
    projection_std_: float = field(init=False, repr=False)
    """SD over clips of the projection on ``direction_``: the unit of a coefficient in σ."""
    score_: Interval | None = field(init=False, repr=False)
    """Out-of-fold score: AUC (binary), Pearson correlation (continuous) or balanced accuracy (classes)."""
    score_name_: str = field(init=False, repr=False)
    chance_: float = field(init=False, repr=False)
    sign_: int = field(init=False, repr=False)
    """1 if held-out clips confirm the orientation, 0 if there is no reliable sign."""
    sign_reason_: str = field(init=False, repr=False)
    label_mean_: float = field(init=False, repr=False)
    label_std_: float = field(init=False, repr=False)
    details_: dict[str, object] = field(init=False, repr=False)

    oriented = True  # whether training labels give the direction its orientation

    @abstractmethod
    def _learn(self, states: Tensor, target: Target, groups: Groups) -> Learned:
        """Find the direction in centred states (n, dim), looking at nothing else."""

    def fit(self, hidden_states: Tensor, labels: Tensor, groups: Tensor | Groups = None) -> Self:
        """Learn the direction and its out-of-fold score.

        Parameters
        ----------
        hidden_states
            Shape (n, dim): one pooled state per clip.
        labels
            Shape (n,).
        groups
            Shape (n,): clips that must stay together in every split. Without it each clip is its own group.

        Raises
        ------
        DirectionError
            Misshapen, non-finite or constant input, or too few groups for the folds.
        """
        states = _checked(hidden_states, self.dtype)
        target = Target.from_labels(labels.to(states.device), self.target, self.dtype)
        if len(target) != states.shape[0]:
            raise DirectionError(f"expected one label for each of {states.shape[0]} hidden states, found {len(target)}")
        names = groups.cpu().numpy() if isinstance(groups, Tensor) else groups
        target = self._prepared(target, names)
        mean = states.mean(0)
        learned = self._learned(states - mean, target, names)
        self._keep(states, mean, learned, target)
        self._judge(states, target, names)
        return self

    def hyperparameters(self) -> dict[str, object]:
        """Constructor arguments as plain data."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        return {k: asdict(v) if is_dataclass(v) and not isinstance(v, type) else v for k, v in values.items()} | {
            "dtype": str(self.dtype).removeprefix("torch.")
        }

    def project(self, hidden_states: Tensor) -> Tensor:
        """Projection of centred states (…, dim) on the direction, in the unit of the states."""
        return (hidden_states - self.mean_.to(hidden_states)) @ self.direction_.to(hidden_states)

    def _prepared(self, target: Target, groups: Groups) -> Target:
        return target

    def _learned(self, centred: Tensor, target: Target, groups: Groups) -> Learned:
        """`_learn`, oriented by the correlation of projection and label in the same clips."""
        learned = self._learn(centred, target, groups)
        if not self.oriented or target.kind == "classes":
            return learned
        label = target.raw() - target.raw().mean()
        signs = torch.sign((centred @ learned.components.T * label[:, None]).sum(0))
        signs = torch.where(signs == 0, torch.ones_like(signs), signs)
        return Learned(learned.components * signs[:, None], learned.eigenvalues, learned.details)

    def _keep(self, states: Tensor, mean: Tensor, learned: Learned, target: Target) -> None:
        self.components_ = learned.components.to("cpu", torch.float32)
        self.direction_ = self.components_[0] / self.components_[0].norm()
        self.eigenvalues_ = learned.eigenvalues.to("cpu", torch.float32)
        self.mean_ = mean.to("cpu", torch.float32)
        self.mean_norm_ = float(states.norm(dim=1).mean())
        self.projection_std_ = float(((states - mean) @ learned.components[0]).std(correction=0))
        self.label_mean_, self.label_std_ = target.mean, target.std
        self.details_ = learned.details

    def _judge(self, states: Tensor, target: Target, groups: Groups) -> None:
        """Out-of-fold score, and whether it confirms the orientation."""
        self.score_, self.sign_, self.sign_reason_ = None, 0, "no folds, so nothing was held out"
        self.score_name_, self.chance_ = Scored.name_and_chance(target)
        if self.folds == 0:
            return
        generator = np.random.default_rng([self.seed, 1])
        folds = grouped_folds(len(target), self.folds, generator, groups, target.strata())
        scored = Scored(target)
        for train, test in folds:
            fit_on, held_out = states[torch.from_numpy(train)], states[torch.from_numpy(test)]
            mean = fit_on.mean(0)
            within = target.take(train)
            learned = self._learned(fit_on - mean, within, None if groups is None else groups[train])
            basis = learned.components.T
            scored.add(test, (fit_on - mean) @ basis, within, (held_out - mean) @ basis)
        self.score_ = scored.interval(np.random.default_rng([self.seed, 2]), groups, self.resamples)
        self._decide_sign(target)

    def _decide_sign(self, target: Target) -> None:
        found = self.score_
        assert found is not None
        told = f"held-out {self.score_name_} {found.estimate:.2f} [{found.low:.2f}, {found.high:.2f}]"
        if target.kind == "classes":
            self.sign_, self.sign_reason_ = 0, "several classes share one subspace, which has no sign"
        elif not self.oriented:
            self.sign_, self.sign_reason_ = 0, f"the direction was not fitted to the labels ({told})"
        elif found.low > self.chance_:
            self.sign_, self.sign_reason_ = 1, f"{told} lies above {self.chance_:g}"
        else:
            self.sign_, self.sign_reason_ = 0, f"no reliable sign: {told} does not lie above {self.chance_:g}"


def _checked(hidden_states: Tensor, dtype: torch.dtype) -> Tensor:
    if hidden_states.ndim != 2 or hidden_states.shape[0] < 4:
        found = tuple(hidden_states.shape)
        raise DirectionError(f"hidden states: expected (n, dim) with at least 4 clips, found {found}")
    states = hidden_states.to(dtype)
    if not bool(torch.isfinite(states).all()):
        raise DirectionError(
            "hidden states: expected finite values, found NaN or infinity; were they stored in float16?"
        )
    if bool((states == states[0]).all()):
        raise DirectionError("hidden states: all clips have the same state, so there is no direction to find")
    return states
