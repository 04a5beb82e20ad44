"""The learned metric M of a Recursive Feature Machine, in two forms that agree.

`GramMetric` never leaves the training points' span. With G = C X M (gradients at the training points) and Γ = X M Xᵀ,
the next metric M' = s GᵀG has Γ' = s (Γ Cᵀ)(Γ Cᵀ)ᵀ, and for a held-out point x with inner products γ = x M Xᵀ it is
γ' = s (γ Cᵀ)(Γ Cᵀ)ᵀ and xᵀM'x = s ‖γ Cᵀ‖². So an iteration costs two products of n × n matrices whatever the dimension,
and is exact: no part of M outside the span is ever used, except that before the first step (M = I) a held-out point's
full norm counts.

`FeatureMetric` keeps M as a (dim, dim) matrix. It is cheaper when there are many more points than dimensions, and can
be normalised in the published way.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from sonoscope.directions.eigen import top_eigenpairs
from sonoscope.directions.kernels import squared_distances

Normalisation = Literal["spread", "trace", "max_entry"]


class Metric(Protocol):
    """What the recursion needs of a metric."""

    unit: float
    """Root mean squared distance of the training points under M = I, the unit of a relative bandwidth."""

    def train_distances(self) -> Tensor:
        """Squared distances between training points, (n, n)."""
        ...

    def held_out_distances(self) -> list[Tensor]:
        """Squared distances of each held-out set to the training points, each (m, n)."""
        ...

    def eigenpairs(self, operator: Tensor, count: int, tolerance: float | None = None) -> tuple[Tensor, Tensor]:
        """Leading eigenvalues (k,) and eigenvectors (k, dim) of the average gradient outer product of ``operator``."""
        ...

    def trace(self, operator: Tensor) -> float:
        """Trace of the average gradient outer product."""
        ...

    def advance(self, operator: Tensor) -> bool:
        """Replace M by the average gradient outer product. False if that is zero and there is no next metric."""
        ...


def _spread(gram: Tensor) -> Tensor:
    """Mean squared distance between different points, from their inner products."""
    n = gram.shape[0]
    return 2 * (gram.diagonal().sum() - gram.mean() * n) / (n - 1)


def _start(points: Tensor) -> Tensor:
    """A fixed dense vector: the point farthest from the mean, tilted so that symmetry cannot make it an eigenvector."""
    tilt = torch.linspace(-1.0, 1.0, points.shape[1], dtype=points.dtype, device=points.device)
    far = points[points.square().sum(1).argmax()]
    start: Tensor = far + 0.1 * far.norm() * tilt / tilt.norm()
    return start


def _eigenpairs(gradients: Tensor, points: Tensor, count: int, tolerance: float | None) -> tuple[Tensor, Tensor]:
    return top_eigenpairs(lambda v: gradients.T @ (gradients @ v), _start(points), count, tolerance)


class GramMetric:
    """The metric by inner products with the training points; normalised so that their mean squared distance stays."""

    def __init__(self, points: Tensor, held_out: Sequence[Tensor] = ()) -> None:
        self.points = points
        self._start_gram = points @ points.T
        self._start_cross = [h @ points.T for h in held_out]
        self._start_norms = [h.square().sum(1) for h in held_out]
        self._target = _spread(self._start_gram)
        self.unit = float(self._target.clamp_min(0).sqrt())
        self.restart()

    def restart(self) -> None:
        """Back to M = I, keeping the inner products (they are shared by all points of a search)."""
        self.gram, self.cross, self.norms = self._start_gram, list(self._start_cross), list(self._start_norms)
        self._moved = self.points  # X M, brought up to date only when gradients themselves are asked for
        self._pending: list[tuple[Tensor, Tensor]] = []  # (C, s Γ Cᵀ) of the steps that it lacks
        self._latest: tuple[Tensor, Tensor] | None = None  # an operator and its gradients

    def train_distances(self) -> Tensor:
        """See `Metric`."""
        diagonal = self.gram.diagonal()
        distances = squared_distances(self.gram, diagonal, diagonal)
        distances.fill_diagonal_(0.0)
        return distances

    def held_out_distances(self) -> list[Tensor]:
        """See `Metric`."""
        diagonal = self.gram.diagonal()
        return [squared_distances(c, n, diagonal) for c, n in zip(self.cross, self.norms, strict=True)]

    def gradients(self, operator: Tensor) -> Tensor:
        """Gradients at the training points, (outputs · n, dim)."""
        if self._latest is not None and self._latest[0] is operator:
            return self._latest[1]
        for step, factor in self._pending:
            self._moved = factor @ (step @ self._moved)
        self._pending = []
        gradients = operator.flatten(0, 1) @ self._moved
        self._latest = (operator, gradients)
        return gradients

    def eigenpairs(self, operator: Tensor, count: int, tolerance: float | None = None) -> tuple[Tensor, Tensor]:
        """See `Metric`."""
        return _eigenpairs(self.gradients(operator), self.points, count, tolerance)

    def trace(self, operator: Tensor) -> float:
        """See `Metric`."""
        return float(self.gradients(operator).square().sum())

    def advance(self, operator: Tensor) -> bool:
        """See `Metric`."""
        step = operator.flatten(0, 1)
        moved = self.gram @ step.T
        gram = moved @ moved.T
        spread = _spread(gram)
        if not bool(spread > torch.finfo(gram.dtype).tiny):
            return False
        scale = self._target / spread
        crosses = [c @ step.T for c in self.cross]
        self.cross = [scale * (c @ moved.T) for c in crosses]
        self.norms = [scale * c.square().sum(1) for c in crosses]
        self.gram = scale * gram
        if self._latest is not None and self._latest[0] is operator:
            self._moved = scale * (moved @ self._latest[1])
        else:
            self._pending.append((step, scale * moved))
        return True


class FeatureMetric:
    """The metric as a matrix M of shape (dim, dim).

    ``spread`` keeps the mean squared distance of the training points; ``trace`` keeps tr M = dim; ``max_entry`` divides
    by the largest entry, as the published code does, and depends on the basis.
    """

    def __init__(
        self, points: Tensor, held_out: Sequence[Tensor] = (), normalisation: Normalisation = "spread"
    ) -> None:
        self.points, self.held_out, self.normalisation = points, list(held_out), normalisation
        self._target = _spread(points @ points.T)
        self.unit = float(self._target.clamp_min(0).sqrt())
        self.restart()

    def restart(self) -> None:
        """Back to M = I."""
        self.matrix: Tensor | None = None
        self._set(None)

    def _set(self, matrix: Tensor | None) -> None:
        self.matrix = matrix
        self.moved = self.points if matrix is None else self.points @ matrix
        self.gram = self.moved @ self.points.T

    def train_distances(self) -> Tensor:
        """See `Metric`."""
        diagonal = self.gram.diagonal()
        distances = squared_distances(self.gram, diagonal, diagonal)
        distances.fill_diagonal_(0.0)
        return distances

    def held_out_distances(self) -> list[Tensor]:
        """See `Metric`."""
        moved = [h if self.matrix is None else h @ self.matrix for h in self.held_out]
        norms = [(m * h).sum(1) for m, h in zip(moved, self.held_out, strict=True)]
        return [
            squared_distances(m @ self.points.T, n, self.gram.diagonal()) for m, n in zip(moved, norms, strict=True)
        ]

    def gradients(self, operator: Tensor) -> Tensor:
        """Gradients at the training points, (outputs · n, dim)."""
        return operator.flatten(0, 1) @ self.moved

    def eigenpairs(self, operator: Tensor, count: int, tolerance: float | None = None) -> tuple[Tensor, Tensor]:
        """See `Metric`."""
        return _eigenpairs(self.gradients(operator), self.points, count, tolerance)

    def trace(self, operator: Tensor) -> float:
        """See `Metric`."""
        return float(self.gradients(operator).square().sum())

    def advance(self, operator: Tensor) -> bool:
        """See `Metric`."""
        gradients = self.gradients(operator)
        matrix = gradients.T @ gradients
        if self.normalisation == "spread":
            moved = self.points @ gradients.T
            size = 2 * (moved.square().sum() - moved.sum(0).square().mean()) / (len(moved) - 1) / self._target
        elif self.normalisation == "trace":
            size = matrix.diagonal().sum() / matrix.shape[0]
        else:
            size = matrix.max()
        if not bool(size > torch.finfo(matrix.dtype).tiny):
            return False
        self._set(matrix / size)
        return True
