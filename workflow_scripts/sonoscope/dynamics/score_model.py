"""A learned score of frames at every noise level, as a denoiser: s(y, σ) = (D(y, σ) - y) / σ² (Tweedie).

Frames are standardised by coordinate, and σ is in those units. D is the exact denoiser of a Gaussian with the training
covariance plus a network, preconditioned after Karras et al. (2022): the network begins at zero, and sees the logarithm
of σ. So training has only to find what a Gaussian does not know.
"""

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

import torch
from safetensors import safe_open
from torch import Tensor, nn

from sonoscope.dynamics.weights import write_weights
from sonoscope.errors import SonoscopeError

log = logging.getLogger(__name__)

_FREQUENCIES = 16
_HELD_OUT = 4096
_LOOKS = 20


@dataclass(frozen=True)
class ScoreShape:
    """Shape and noise range, in the header of its file."""

    dim: int
    hidden: int
    layers: int
    sigma_min: float
    sigma_max: float


class Denoiser(nn.Module):
    """E[x | y] for y = x + σ n in standardised coordinates."""

    center: Tensor
    spread: Tensor
    middle: Tensor
    values: Tensor
    vectors: Tensor
    frequencies: Tensor

    def __init__(self, shape: ScoreShape, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = shape
        for name in ("center", "middle"):
            self.register_buffer(name, torch.zeros(shape.dim))
        self.register_buffer("spread", torch.ones(shape.dim))
        self.register_buffer("values", torch.ones(shape.dim))
        self.register_buffer("vectors", torch.eye(shape.dim))
        self.register_buffer("frequencies", 2 ** torch.linspace(-2, 2, _FREQUENCIES))
        widths = [shape.dim + 2 * _FREQUENCIES, *[shape.hidden] * shape.layers]
        layers: list[nn.Module] = []
        for a, b in pairwise(widths):
            layers += [nn.Linear(a, b), nn.SiLU()]
        last = nn.Linear(widths[-1], shape.dim)
        self.network = nn.Sequential(*layers, last)
        for layer in self.network:
            if isinstance(layer, nn.Linear):
                bound = 1 / math.sqrt(layer.in_features)
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.zeros_(layer.bias)
        nn.init.zeros_(last.weight)

    @torch.no_grad()
    def calibrate(self, frames: Tensor) -> None:
        """Standardise by training frames [n, D], and begin at the denoiser of their Gaussian."""
        rows = frames.double()
        self.center.copy_(rows.mean(0))
        self.spread.copy_(rows.std(0).clamp(min=1e-12))
        standard = self.standardise(frames).double()
        values, vectors = torch.linalg.eigh((standard.T @ standard) / len(standard))
        self.values.copy_(values.clamp(min=0))
        self.vectors.copy_(vectors)

    def standardise(self, frames: Tensor) -> Tensor:
        """Frames in the coordinates of the model."""
        standard: Tensor = (frames - self.center) / self.spread
        return standard

    def restore(self, standard: Tensor) -> Tensor:
        """Frames in the latents' units."""
        frames: Tensor = standard * self.spread + self.center
        return frames

    def gaussian(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """The exact denoiser of the training covariance; [n, D], σ [n] or a number."""
        s2 = sigma.reshape(-1, 1).square()
        out: Tensor = ((noisy @ self.vectors) * (self.values / (self.values + s2))) @ self.vectors.T
        return out

    def forward(self, noisy: Tensor, sigma: Tensor) -> Tensor:
        """D(y, σ), [n, D], of standardised noisy frames [n, D] at noise [n] or one for all."""
        level = sigma.expand(len(noisy)) if sigma.ndim == 0 else sigma
        phase = level.log()[:, None] * self.frequencies
        scaled = noisy / (1 + level.square()).sqrt()[:, None]
        raw = self.network(torch.cat([scaled, phase.sin(), phase.cos()], 1))
        found: Tensor = self.gaussian(noisy, level) + _width(level)[:, None] * raw
        return found

    @torch.no_grad()
    def denoise(self, noisy: Tensor, sigma: float) -> Tensor:
        """D for frames of any leading shape [..., D], standardised."""
        flat = noisy.reshape(-1, self.shape.dim).float()
        return self(flat, torch.tensor(float(sigma))).reshape(noisy.shape).to(noisy.dtype)  # type: ignore[no-any-return]

    def save(self, path: Path, **more: str) -> None:
        """Write weights, shape and noise range."""
        header = {"model_type": "score", "model_kwargs": json.dumps(asdict(self.shape))}
        write_weights(path, self, header | more)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        SonoscopeError
            It is another file.
        """
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("model_type") != "score":
                raise SonoscopeError(f"{path}: expected a score model, found {header.get('model_type', 'none')}")
            model = cls(ScoreShape(**json.loads(header["model_kwargs"])), torch.Generator())
            model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        return model.requires_grad_(False)


def _width(sigma: Tensor) -> Tensor:
    """How far the network may move a frame: σ where there is little noise, the data's deviation where there is much."""
    return sigma / (1 + sigma.square()).sqrt()


def train_score(
    training: Tensor, validation: Tensor, shape: ScoreShape, max_steps: int, batch: int, lr: float, seed: int
) -> Denoiser:
    """Denoising score matching on frames [n, D], σ log-uniform over the range; the best state on validation frames.

    Each error is weighed by what the network may do at its σ, so that all noise levels count alike.
    """
    generator = torch.Generator().manual_seed(seed)
    model = Denoiser(shape, generator)
    model.calibrate(training)
    clean, held = model.standardise(training).float(), model.standardise(validation).float()[:_HELD_OUT]
    held_sigma = _levels(shape, len(held), generator)
    held_noisy = held + held_sigma[:, None] * torch.randn(held.shape, generator=generator)
    parameters = list(model.network.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=1e-4)
    best, kept, found_at = math.inf, [p.detach().clone() for p in parameters], 0
    every = max(1, max_steps // _LOOKS)
    for step in range(max_steps + 1):
        if step % every == 0 or step == max_steps:
            with torch.no_grad():
                loss = float(_loss(model, held, held_noisy, held_sigma))
            if loss < best:
                best, kept, found_at = loss, [p.detach().clone() for p in parameters], step
        if step == max_steps:
            break
        for group in optimiser.param_groups:
            group["lr"] = lr * 0.5 * (1 + math.cos(math.pi * step / max_steps))
        rows = clean[torch.randint(len(clean), (batch,), generator=generator)]
        sigma = _levels(shape, batch, generator)
        noisy = rows + sigma[:, None] * torch.randn(rows.shape, generator=generator)
        loss_now = _loss(model, rows, noisy, sigma)
        optimiser.zero_grad(set_to_none=True)
        loss_now.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
    with torch.no_grad():
        for old, p in zip(kept, parameters, strict=True):
            p.copy_(old)
    log.info("score: validation loss %.4f after update %d of %d", best, found_at, max_steps)
    return model.requires_grad_(False)


def _levels(shape: ScoreShape, count: int, generator: torch.Generator) -> Tensor:
    low, high = math.log(shape.sigma_min), math.log(shape.sigma_max)
    return torch.exp(low + (high - low) * torch.rand(count, generator=generator))


def _loss(model: Denoiser, clean: Tensor, noisy: Tensor, sigma: Tensor) -> Tensor:
    error: Tensor = (model(noisy, sigma) - clean) / _width(sigma)[:, None]
    return error.square().mean()


def denoising_r2(model: Denoiser, frames: Tensor, sigmas: Sequence[float], seed: int) -> list[dict[str, float]]:
    """Share of the noise that denoising removes from frames [n, D], by the network and by its Gaussian start."""
    generator = torch.Generator().manual_seed(seed)
    clean = model.standardise(frames).float()
    rows = []
    for sigma in sigmas:
        noisy = clean + sigma * torch.randn(clean.shape, generator=generator)
        added = float((noisy - clean).square().mean())
        left = {
            "denoised_r2": float((model.denoise(noisy, sigma) - clean).square().mean()),
            "gaussian_r2": float((model.gaussian(noisy, torch.tensor(sigma)) - clean).square().mean()),
        }
        rows.append({"sigma": sigma, **{name: 1 - value / added for name, value in left.items()}})
    return rows
