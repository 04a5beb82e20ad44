"""Sparse autoencoders of the residual stream: TopK, BatchTopK, JumpReLU and Matryoshka, one module and one trainer.

``pre = (x - b_dec) W_enc + b_enc; z = gate(pre); x̂ = z W_dec + b_dec`` for x in R^D and F features. Rows of ``W_dec``
``[F, D]`` are the features' directions and have norm 1 at all times. Inputs are scaled by one constant so that their
mean norm is the root of D; the constant is folded into the weights when they are exported.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Kind = Literal["topk", "batch_topk", "jumprelu", "matryoshka"]
KINDS: tuple[Kind, ...] = ("topk", "batch_topk", "jumprelu", "matryoshka")


class _Step(torch.autograd.Function):
    """``pre * (pre > theta)`` with the rectangle-kernel gradient for theta (Rajamanoharan et al. 2024, eq. 10)."""

    @staticmethod
    def forward(ctx, pre, theta, width):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN205
        ctx.save_for_backward(pre, theta)
        ctx.width = width
        return pre * (pre > theta)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN205
        pre, theta = ctx.saved_tensors
        near = ((pre - theta).abs() < ctx.width / 2).to(grad)
        return grad * (pre > theta), -(theta / ctx.width * near * grad).sum(0), None


class _Count(torch.autograd.Function):
    """``pre > theta`` with the same gradient, for a penalty on the number of active features."""

    @staticmethod
    def forward(ctx, pre, theta, width):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN205
        ctx.save_for_backward(pre, theta)
        ctx.width = width
        return (pre > theta).to(pre)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN205
        pre, theta = ctx.saved_tensors
        near = ((pre - theta).abs() < ctx.width / 2).to(grad)
        return None, -(near * grad).sum(0) / ctx.width, None


class SparseAutoencoder(nn.Module):
    """One dictionary.

    Parameters
    ----------
    dim, features
        D and F.
    k
        Active features per input: exactly (topk), on average (batch_topk, matryoshka), or aimed at (jumprelu).
    width
        Bandwidth of JumpReLU's gradient.
    """

    W_enc: Tensor
    W_dec: Tensor
    b_enc: Tensor
    b_dec: Tensor

    def __init__(self, dim: int, features: int, k: int, kind: Kind, generator: torch.Generator,
                 width: float = 0.1) -> None:  # fmt: skip
        super().__init__()
        rows = nn.functional.normalize(torch.randn(features, dim, generator=generator), dim=1)
        self.W_dec = nn.Parameter(rows)
        self.W_enc = nn.Parameter(rows.t().clone())
        self.b_enc = nn.Parameter(torch.zeros(features))
        self.b_dec = nn.Parameter(torch.zeros(dim))
        self.log_theta = nn.Parameter(torch.full((features,), 0.5).log(), requires_grad=kind == "jumprelu")
        self.kind, self.k, self.width = kind, k, width
        self.scale: Tensor
        self.threshold: Tensor
        self.register_buffer("scale", torch.ones(()))  # multiplies raw inputs
        self.register_buffer("threshold", torch.zeros(()))  # of BatchTopK at inference

    @property
    def prefixes(self) -> tuple[int, ...]:
        """Sizes of the nested dictionaries that are trained to reconstruct on their own (Bussmann et al. 2025)."""
        features = len(self.W_dec)
        return tuple(features // n for n in (16, 8, 4, 2, 1)) if self.kind == "matryoshka" else (features,)

    def pre(self, scaled: Tensor) -> Tensor:
        """Activations before the gate, ``[B, F]``, of scaled inputs ``[B, D]``.

        The decoder's bias is taken out after the product: its gradient then needs no product over the whole batch.
        """
        return scaled @ self.W_enc + (self.b_enc - self.b_dec @ self.W_enc)

    def gate(self, pre: Tensor) -> Tensor:
        """Sparse activations: by the batch while training, by each input alone otherwise."""
        positive = pre.relu()
        if self.kind == "topk":
            top = positive.topk(self.k, dim=-1)
            return torch.zeros_like(pre).scatter(-1, top.indices, top.values)
        if self.kind == "jumprelu":
            gated: Tensor = _Step.apply(positive, self.log_theta.exp(), self.width)  # type: ignore[no-untyped-call]
            return gated
        if not self.training:
            return positive * (positive > self.threshold)
        kept = positive.flatten().topk(min(self.k * len(pre), positive.numel())).values[-1]
        with torch.no_grad():
            rate = 0.1 if self.threshold > 0 else 1.0
            self.threshold.lerp_(kept.to(self.threshold), rate)
        return positive * (positive >= kept)

    def encode(self, x: Tensor) -> Tensor:
        """Activations ``[..., F]`` of raw inputs ``[..., D]``."""
        return self.gate(self.pre(x * self.scale))

    def decode(self, z: Tensor) -> Tensor:
        """Raw reconstructions ``[..., D]``."""
        return (z @ self.W_dec + self.b_dec) / self.scale

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction of raw inputs."""
        return self.decode(self.encode(x))

    @torch.no_grad()
    def start_from(self, sample: Tensor) -> None:
        """Set the scale and the decoder's bias (geometric median) by a sample ``[n, D]`` of raw inputs."""
        self.scale.copy_(sample.shape[1] ** 0.5 / sample.norm(dim=1).mean().clamp_min(1e-12))
        self.b_dec.copy_(geometric_median(sample * self.scale))
        if self.kind == "jumprelu":  # begin where about k features are on
            pre = self.pre(sample[:1024] * self.scale).relu()
            start = pre.topk(self.k, dim=-1).values[:, -1].mean().clamp_min(1e-3)
            self.log_theta.fill_(float(start.log()))


def geometric_median(points: Tensor, steps: int = 100, tolerance: float = 1e-5) -> Tensor:
    """Point ``[D]`` with the smallest sum of distances to ``points`` ``[n, D]`` (Weiszfeld 1937)."""
    centre = points.mean(0)
    for _ in range(steps):
        weights = 1 / (points - centre).norm(dim=1).clamp_min(1e-8)
        following = (weights[:, None] * points).sum(0) / weights.sum()
        moved = (following - centre).norm()
        centre = following
        if moved < tolerance * centre.norm().clamp_min(1e-12):
            break
    return centre


@dataclass(frozen=True)
class Recipe:
    """How an autoencoder is trained."""

    steps: int
    """Batches in all; the caller's iterator must give as many."""
    rate: float = 2e-3
    """Peak learning rate."""
    warm_up: float = 0.05
    """Share of the steps in which the rate rises."""
    decay: float = 0.2
    """Share of the steps, at the end, in which it falls to 0."""
    dead_after: int = 10_000
    """A feature that is silent for so many inputs is dead, and helps to explain what the others leave (AuxK)."""
    auxiliary: float = 1 / 32
    """Weight of that help."""
    l0_weight: float = 1.0
    """Weight of JumpReLU's penalty on the relative distance from k active features."""


def train_sae(
    sae: SparseAutoencoder, batches: Iterable[Tensor], recipe: Recipe,
    progress: Callable[[int], object] | None = None,
) -> list[float]:  # fmt: skip
    """Train on batches ``[B, D]`` of raw inputs; the loss of every step. `SparseAutoencoder.start_from` comes first.

    Adam with warm-up and a final decay; the part of the decoder's gradient along each feature's direction is taken out
    and rows are brought back to norm 1 after every step (Gao et al. 2024).
    """
    weights = [p for name, p in sae.named_parameters() if name != "log_theta"]
    groups = [{"params": weights, "rate": recipe.rate}]
    if sae.kind == "jumprelu":  # thresholds are in logarithms and move by little at the weights' rate
        groups.append({"params": [sae.log_theta], "rate": 10 * recipe.rate})
    optimiser = torch.optim.Adam(groups, lr=recipe.rate)
    silent = torch.zeros(len(sae.W_dec), dtype=torch.long)
    losses: list[float] = []
    sae.train()
    for step, batch in enumerate(batches):
        if step == recipe.steps:
            break
        rising = (step + 1) / max(1.0, recipe.warm_up * recipe.steps)
        falling = (recipe.steps - step) / max(1.0, recipe.decay * recipe.steps)
        for group in optimiser.param_groups:
            group["lr"] = group["rate"] * min(1.0, rising, falling)
        x = batch * sae.scale
        pre = sae.pre(x)
        code = _few(sae, pre) if sae.kind == "topk" else _many(sae, pre)
        silent = torch.where(code.fired, 0, silent + len(x))
        loss = _loss(sae, x, pre, code, silent > recipe.dead_after, recipe)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        _project_gradient(sae)
        nn.utils.clip_grad_norm_(sae.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            sae.W_dec.div_(sae.W_dec.norm(dim=1, keepdim=True).clamp_min(1e-8))
        losses.append(float(loss.detach()))
        if progress is not None:
            progress(1)
    sae.eval()
    return losses


class _Code(NamedTuple):
    """What a batch became."""

    reconstructions: list[Tensor]
    """Of scaled inputs, by the whole dictionary first, then by its prefixes."""
    fired: Tensor
    """Which features were active in the batch, ``[F]`` of bool."""


def _few(sae: SparseAutoencoder, pre: Tensor) -> _Code:
    """The code of TopK as k rows of the decoder per input: no product with all features, forwards or backwards."""
    top = pre.topk(sae.k, dim=-1)
    strength = top.values.relu()
    rows = nn.functional.embedding_bag(top.indices, sae.W_dec, per_sample_weights=strength, mode="sum")
    fired = torch.zeros(pre.shape[1], dtype=torch.bool)
    fired[top.indices[strength > 0]] = True
    return _Code([rows + sae.b_dec], fired)


def _many(sae: SparseAutoencoder, pre: Tensor) -> _Code:
    """The code of every other kind, whose inputs have different numbers of active features."""
    z = sae.gate(pre)
    sizes = [len(sae.W_dec), *sae.prefixes[:-1]]
    return _Code([z[:, :size] @ sae.W_dec[:size] + sae.b_dec for size in sizes], (z > 0).any(0))


def _loss(sae: SparseAutoencoder, x: Tensor, pre: Tensor, code: _Code, dead: Tensor, recipe: Recipe) -> Tensor:
    error = x - code.reconstructions[0]
    parts = [(x - r).square().sum(1).mean() for r in code.reconstructions[1:]]
    loss = torch.stack([error.square().sum(1).mean(), *parts]).mean() / x.shape[1]
    if sae.kind == "jumprelu":
        active: Tensor = _Count.apply(pre, sae.log_theta.exp(), sae.width)  # type: ignore[no-untyped-call]
        loss = loss + recipe.l0_weight * (active.sum(1).mean() / sae.k - 1).square()
    if recipe.auxiliary and dead.any():
        residual = error.detach()
        some = min(int(dead.sum()), max(1, x.shape[1] // 2))
        silent = pre.relu().masked_fill(~dead, 0.0).topk(some, dim=-1)
        revived = torch.zeros_like(pre).scatter(-1, silent.indices, silent.values) @ sae.W_dec
        help_ = (residual - revived).square().sum(1).mean() / residual.square().sum(1).mean().clamp_min(1e-12)
        loss = loss + recipe.auxiliary * torch.nan_to_num(help_)
    return loss


@torch.no_grad()
def _project_gradient(sae: SparseAutoencoder) -> None:
    gradient = sae.W_dec.grad
    if gradient is not None:
        gradient -= (gradient * sae.W_dec).sum(1, keepdim=True) * sae.W_dec
