"""Mixtures of diagonal Gaussians without context: how much of a model's gain is shape and scale, not prediction."""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass
class UnconditionalMixture:
    """K diagonal Gaussians over Δ, by expectation maximisation.

    Parameters
    ----------
    generator : torch.Generator
        Chooses the starting points.
    components : int
        K; take that of the mixture density network it is compared with.
    iterations : int
        Most updates; it stops earlier once a pass gains less than ``tolerance`` nats per frame.
    tolerance : float
    floor : float
        Least variance, as a share of the coordinate's own.
    """

    generator: torch.Generator
    components: int = 8
    iterations: int = 100
    tolerance: float = 1e-4
    floor: float = 1e-4

    def fit(self, contexts: Tensor, deltas: Tensor) -> Self:
        """Learn from ``deltas`` alone.

        Raises
        ------
        ValueError
            Fewer rows than components.
        """
        x = deltas.to(torch.float64)
        if len(x) < self.components:
            raise ValueError(f"expected at least {self.components} rows, one per component, found {len(x)}")
        overall = x.var(0, correction=0).clamp(min=1e-300)
        chosen = torch.randperm(len(x), generator=self.generator)[: self.components]
        # start from one law at several scales: latents differ more in the size of their steps than in their place
        spread = torch.logspace(-0.5, 0.5, self.components, dtype=torch.float64)
        self.means_ = x.mean(0) + 0.3 * (x[chosen] - x.mean(0))
        self.variances_ = overall * spread.square()[:, None]
        self.weights_ = torch.full((self.components,), 1 / self.components, dtype=torch.float64)
        before = -math.inf
        for _ in range(self.iterations):
            joint = self._joint(x)
            total = torch.logsumexp(joint, 1)
            share = torch.exp(joint - total[:, None])
            mass = share.sum(0).clamp(min=1e-10)
            self.weights_ = mass / mass.sum()
            self.means_ = share.T @ x / mass[:, None]
            second = share.T @ x.square() / mass[:, None]
            self.variances_ = torch.maximum(second - self.means_.square(), self.floor * overall)
            now = float(total.mean())
            if now - before < self.tolerance:
                break
            before = now
        return self

    def log_prob(self, contexts: Tensor, deltas: Tensor) -> Tensor:
        """Log-density of each difference, in nats per frame, [n]."""
        return torch.logsumexp(self._joint(deltas.to(torch.float64)), 1)

    def predict(self, contexts: Tensor) -> Tensor:
        """Mean of the mixture, [n, D]."""
        return (self.weights_ @ self.means_).expand(len(contexts), -1)

    def _joint(self, x: Tensor) -> Tensor:
        """Log of weight times density, [n, K]; squares are expanded so that memory stays n × K."""
        precision = 1 / self.variances_
        squares = (
            x.square() @ precision.T - 2 * x @ (self.means_ * precision).T + (self.means_.square() * precision).sum(1)
        )
        constant = x.shape[1] * math.log(2 * math.pi) + self.variances_.log().sum(1)
        return self.weights_.log() - 0.5 * (squares + constant)
