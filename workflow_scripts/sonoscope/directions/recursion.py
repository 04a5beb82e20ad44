"""The recursion of a Recursive Feature Machine: solve, differentiate, learn the metric, repeat.

Radhakrishnan, Beaglehole, Pandit and Belkin (2024); for steering, Beaglehole et al. (arXiv 2502.03708).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from sonoscope.directions.kernels import gradient_operator, laplace_kernel, ridge_solve
from sonoscope.directions.metric import Metric


@dataclass(frozen=True)
class KernelSettings:
    """One point of the hyperparameter space.

    Attributes
    ----------
    bandwidth
        L, in root-mean-square distances of the training points (``relative``) or in the unit of the states
        (``absolute``).
    exponent
        q of the kernel.
    penalty
        λ, added to a kernel whose diagonal is 1.
    centre_gradients
        Whether the mean gradient over training points is taken off, per output, before the outer products.
    """

    bandwidth: float = 3.0
    exponent: float = 1.0
    penalty: float = 1e-2
    centre_gradients: bool = False
    bandwidth_unit: Literal["relative", "absolute"] = "relative"


class Iterate:
    """The predictor after some updates of the metric. Valid until the next one is asked for."""

    def __init__(self, metric: Metric, targets: Tensor, settings: KernelSettings, number: int) -> None:
        unit = metric.unit if settings.bandwidth_unit == "relative" else 1.0
        self.bandwidth, self.exponent = settings.bandwidth * unit, settings.exponent
        self.metric, self.number = metric, number
        kernel, weight = laplace_kernel(metric.train_distances(), self.bandwidth, self.exponent)
        self.coefficients = ridge_solve(kernel, settings.penalty, targets)
        self.operator = gradient_operator(weight, self.coefficients, settings.centre_gradients)

    def predictions(self) -> list[Tensor]:
        """Predictions for each held-out set, each (m, outputs)."""
        kernels = [laplace_kernel(d, self.bandwidth, self.exponent)[0] for d in self.metric.held_out_distances()]
        return [kernel @ self.coefficients for kernel in kernels]

    def eigenpairs(self, count: int, tolerance: float | None = None) -> tuple[Tensor, Tensor]:
        """Leading eigenvalues (k,) and eigenvectors (k, dim) of this predictor's average gradient outer product."""
        return self.metric.eigenpairs(self.operator, count, tolerance)

    def trace(self) -> float:
        """Trace of this predictor's average gradient outer product."""
        return self.metric.trace(self.operator)


def recursion(metric: Metric, targets: Tensor, settings: KernelSettings, iterations: int) -> Iterator[Iterate]:
    """Yield the predictor under M = I and after each of ``iterations`` updates; the consumer stops when it likes.

    Parameters
    ----------
    metric
        At M = I, holding the centred training points (n, dim) and the held-out sets.
    targets
        Encoded labels (n, outputs).
    """
    for number in range(iterations + 1):
        iterate = Iterate(metric, targets, settings, number)
        yield iterate
        if number == iterations or not metric.advance(iterate.operator):
            return


def fitted_iterate(metric: Metric, targets: Tensor, settings: KernelSettings, number: int) -> Iterate:
    """The predictor after ``number`` updates (or fewer, if the metric vanishes before)."""
    *_, last = recursion(metric, targets, settings, number)
    return last
