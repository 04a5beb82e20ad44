"""Models of the next difference, many side by side: one per seed and horizon, trained by the same matrix products.

A stack of E small networks is one batched matrix product per layer. That is what makes training on a CPU fast, and it
changes nothing in what each network learns: members share no weight.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

import torch
from safetensors import safe_open
from torch import Tensor, nn

from sonoscope.dynamics.heads import Coordinates, DirectionMagnitude, GaussianMixture
from sonoscope.dynamics.lengths import LengthFit
from sonoscope.dynamics.likelihoods import RidgeAutoregression
from sonoscope.dynamics.weights import write_weights
from sonoscope.errors import SonoscopeError

Family = Literal["vmf", "vmf_mixture", "mdn"]
_LOG_SPREAD = 3.0
"""Bound of log-deviations about their overall value, in nats; smooth, so that the gradient never dies."""
_NEAR_BOUND = 0.01
_RECENT = 2
"""Latest steps of the context that are also given as direction and log-length, the form of what is predicted."""

_DISTANCE = 3.0
"""What log-distances from the mean are multiplied by, so that they spread about as much as the other inputs."""
_CLUSTERED = 2048
_START = 1.0
"""Concentration, in units of D, at which the components of a mixture of directions begin."""


@dataclass(frozen=True)
class Shape:
    """What a stack of networks looks like; stands in the header of its file as ``model_kwargs``."""

    family: Family
    window: int
    dim: int
    hidden: int
    layers: int
    components: int
    fitted: bool = True
    """Whether the scales of the coordinates are learned."""

    @property
    def inputs(self) -> int:
        """Numbers that the first layer takes; see `Ensemble.features`."""
        steps = self.window - 1
        return self.dim + steps * self.dim + min(_RECENT, steps) * self.dim + self.lengths

    @property
    def lengths(self) -> int:
        """How many of them, the last ones, are lengths."""
        return 2 * self.window - 1

    @property
    def outputs(self) -> int:
        """Numbers that the last layer gives."""
        if self.family == "mdn":
            return self.components * (1 + 2 * self.dim)
        return self.components * (3 + self.dim)


def spherical_clusters(directions: Tensor, count: int, iterations: int = 15) -> tuple[Tensor, Tensor]:
    """Unit centres [count, D] of unit vectors [n, D] by spherical k-means from spread-out starts, and their shares."""
    chosen = [directions[0]]
    for _ in range(count - 1):  # each start is the vector least like all before
        chosen.append(directions[(directions @ torch.stack(chosen).T).max(1).values.argmin()])
    centres = torch.stack(chosen)
    nearest = torch.zeros(len(directions), dtype=torch.long)
    for _ in range(iterations):
        nearest = (directions @ centres.T).argmax(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, directions)
        centres = torch.where(sums.norm(dim=1, keepdim=True) > 0, nn.functional.normalize(sums, dim=1), centres)
    return centres, torch.bincount(nearest, minlength=count) / len(directions)


class Stacked(nn.Module):
    """E linear maps [in] to [out] at once."""

    def __init__(self, members: int, inputs: int, outputs: int, generator: torch.Generator | None) -> None:
        super().__init__()
        weight = torch.zeros(members, inputs, outputs)
        if generator is not None:
            weight.uniform_(-1, 1, generator=generator).mul_(1 / math.sqrt(inputs))
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(torch.zeros(members, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs [E, n, out] of inputs [E, n, in]."""
        return torch.baddbmm(self.bias, x, self.weight)


class Ensemble(nn.Module):
    """E models of one family. Contexts [E, n, W, D] in, a density of the difference for each row out.

    A context is taken in as its last frame and its steps, each standardised by training statistics: frames of a smooth
    sequence differ little against their spread, and it is the difference that is to be predicted. The last layer begins
    at zero, beside a direct linear path from the inputs, so that training can start from a linear prediction.

    The density is written in coordinates z = A Δ. The scales of their axes are learned (`Shape.fitted`), from where
    they are set: rotationally symmetric laws of directions fit coordinates of unequal size only once these are scaled,
    and fit a law that is symmetric as it stands only if they are not.
    """

    center: Tensor
    spread: Tensor
    step_spread: Tensor
    forward_map: Tensor
    inverse_map: Tensor
    log_det: Tensor
    length: Tensor
    usual: Tensor

    def __init__(self, shape: Shape, members: Sequence[tuple[int, int]], generator: torch.Generator) -> None:
        super().__init__()
        self.shape, self.members = shape, tuple(members)
        e, width = len(members), shape.inputs
        sizes = [width, *[shape.hidden] * shape.layers]
        self.trunk = nn.ModuleList(Stacked(e, a, b, generator) for a, b in pairwise(sizes))
        self.head = Stacked(e, shape.hidden, shape.outputs, None)
        self.direct = nn.Parameter(torch.zeros(e, width, shape.outputs))
        self.log_scale = nn.Parameter(torch.zeros(e, 1, shape.dim))
        if shape.components > 1:  # components begin apart, else they would all learn the same
            self.head.bias.data.normal_(generator=generator).mul_(0.3)
        for name in ("center", "spread", "step_spread"):
            self.register_buffer(name, torch.ones(e, 1, shape.dim))
        for name, size2 in (("forward_map", (e, shape.dim, shape.dim)), ("inverse_map", (e, shape.dim, shape.dim))):
            self.register_buffer(name, torch.eye(shape.dim).expand(size2).clone())
        self.register_buffer("log_det", torch.zeros(e, dtype=torch.float64))
        self.register_buffer("length", torch.zeros(e, 2))  # mean and deviation of log |z| at the start
        self.register_buffer("usual", torch.zeros(e))  # its mean in the coordinates as they are now

    @property
    def coordinates(self) -> Coordinates:
        """The space in which the densities are written."""
        scale = self.log_scale.exp()
        forward, inverse = scale.mT * self.forward_map, self.inverse_map / scale
        return Coordinates(forward, inverse, self.log_det + self.log_scale.double().sum((1, 2)))

    @torch.no_grad()
    def calibrate(self, center: Tensor, spread: Tensor, forward_map: Tensor, deltas: Tensor) -> None:
        """Set the input statistics [D], the coordinates [E, D, D], and where log-lengths of ``deltas`` [n, D] lie."""
        e = len(self.members)
        step_spread = deltas.float().square().mean(0).sqrt().clamp(min=1e-12)
        self.center, self.spread, self.step_spread = (
            t.float().expand(e, 1, -1).clone() for t in (center, spread, step_spread)
        )
        exact = forward_map.double()
        self.forward_map, self.inverse_map = exact.float(), torch.linalg.inv(exact).float()
        self.log_det = torch.linalg.slogdet(exact).logabsdet
        log_m = self._logs(deltas)
        self.length, self.usual = torch.stack([log_m.mean(1), log_m.std(1).clamp(min=1e-3)], 1), log_m.mean(1)
        if self.shape.family == "vmf_mixture":
            self._spread_directions(deltas)

    @torch.no_grad()
    def settle(self, deltas: Tensor) -> None:
        """After training: where log-lengths of training ``deltas`` [n, D] lie in the coordinates that were learned."""
        self.usual = self._logs(deltas).mean(1)

    def _logs(self, deltas: Tensor) -> Tensor:
        """Log |z|, [E, n]."""
        z = self.coordinates.into(deltas.float().expand(len(self.members), -1, -1))
        logs: Tensor = z.norm(dim=-1).clamp(min=1e-8).log()
        return logs

    @torch.no_grad()
    def start_from(self, linear: Mapping[int, RidgeAutoregression]) -> None:
        """Begin at the linear prediction of each horizon: expected z for Gaussians, η = |z| E[z] for directions.

        The second is exact for isotropic Gaussian residuals at a given length, so training only has to find what a
        linear prediction cannot say.
        """
        k, dim, window = self.shape.components, self.shape.dim, self.shape.window
        for e, (_, horizon) in enumerate(self.members):
            weights, constant = _by_last_and_steps(linear[horizon], window, dim)
            center, spread, step = (b[e, 0].double() for b in (self.center, self.spread, self.step_spread))
            constant = constant + center @ weights[:dim]
            units = torch.cat([spread, step.repeat(window - 1)])[:, None]
            forward = self.forward_map[e].double().T
            weights, constant = units * weights @ forward, constant @ forward
            factor = 1.0 if self.shape.family == "mdn" else float(self.length[e, 0].exp()) / dim
            first = k if self.shape.family == "mdn" else 3 * k
            for c in range(k):
                slot = slice(first + c * dim, first + (c + 1) * dim)
                self.direct[e, : window * dim, slot] = (factor * weights).float()
                self.head.bias[e, 0, slot] += (factor * constant).float()

    @torch.no_grad()
    def start_lengths(self, horizon: int, found: LengthFit) -> None:
        """Begin at a linear prediction of log-lengths, too, for the members of one horizon; see `lengths`."""
        k = self.shape.components
        for e in [e for e, (_, own) in enumerate(self.members) if own == horizon]:
            self.direct[e, :, k : 2 * k] += found.weights.float()[:, None]
            self.head.bias[e, 0, k : 2 * k] += found.constant
            if k == 1:  # the components of a mixture share the spread among them
                self.head.bias[e, 0, 2 * k : 3 * k] += math.log(found.deviation)

    @torch.no_grad()
    def log_lengths(self, contexts: Tensor, deltas: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs [n, inputs] and standardised log-lengths [n] of the first member, float64."""
        logs = self.coordinates.into(deltas.float()[None])[0].norm(dim=-1).clamp(min=1e-8).log().double()
        middle, width = self.length[0].double()
        return self.features(contexts.float()[None])[0].double(), (logs - middle) / width

    @torch.no_grad()
    def _spread_directions(self, deltas: Tensor) -> None:
        """Begin each component of a mixture of directions at a cluster of the training directions."""
        k = self.shape.components
        some = deltas[torch.linspace(0, len(deltas) - 1, min(len(deltas), _CLUSTERED)).long()]
        directions = nn.functional.normalize(
            self.coordinates.into(some.float().expand(len(self.members), -1, -1)), dim=-1
        )
        for e, own in enumerate(directions):
            centres, shares = spherical_clusters(own, k)
            self.head.bias[e, 0, :k] = shares.clamp(min=1e-3).log()
            self.head.bias[e, 0, 3 * k :] = (_START * centres).flatten()

    def forward(self, contexts: Tensor) -> DirectionMagnitude | GaussianMixture:
        """Density of the next difference for contexts [E, n, W, D]."""
        x = self.features(contexts)
        h = x
        for layer in self.trunk:
            h = nn.functional.gelu(layer(h))
        return self._density(self.head(h) + torch.bmm(x, self.direct))

    def features(self, contexts: Tensor) -> Tensor:
        """Inputs [E, n, inputs] of contexts [E, n, W, D].

        The last frame, all steps, the latest directions; then the log-lengths of steps, and the log-distances of frames
        from the mean.
        """
        away = (contexts - self.center[:, None]) / self.spread[:, None]
        steps = contexts.diff(dim=2)
        scaled = steps / self.step_spread[:, None]
        z = (steps.flatten(1, 2) @ self.forward_map.mT).reshape(steps.shape)
        length = z.norm(dim=-1).clamp(min=1e-8)  # [E, n, W-1]
        middle, width = (t[:, None, None] for t in self.length.unbind(1))
        logs = ((length.log() - middle) / width).clamp(-6, 6)
        directions = (z / length[..., None])[:, :, -_RECENT:] * math.sqrt(self.shape.dim)
        distances = (away.norm(dim=-1) / math.sqrt(self.shape.dim)).clamp(min=1e-3).log().mul(_DISTANCE).clamp(-6, 6)
        return torch.cat([away[:, :, -1], scaled.flatten(2), directions.flatten(2), logs, distances], 2)

    def _density(self, raw: Tensor) -> DirectionMagnitude | GaussianMixture:
        k, dim = self.shape.components, self.shape.dim
        e, n = raw.shape[:2]
        log_weights = raw[..., :k].log_softmax(-1)
        if self.shape.family == "mdn":
            means, spreads = raw[..., k:].reshape(e, n, 2, k, dim).unbind(2)
            return GaussianMixture(log_weights, means, torch.exp(_soft(spreads)), self.coordinates)
        middle, width = (t[:, None, None] for t in self.length.unbind(1))
        lengths, spreads = raw[..., k : 2 * k], raw[..., 2 * k : 3 * k]
        natural = raw[..., 3 * k :].reshape(e, n, k, dim) * dim  # directions are sharp once κ is of the size of D
        deviation = width * torch.exp(_soft(spreads))
        mean = middle + width * lengths
        return DirectionMagnitude(log_weights, natural, mean, deviation, self.coordinates, self.usual)

    @torch.no_grad()
    def saturation(self, contexts: Tensor) -> Tensor:
        """Share of log-deviations within 1 % of their bound, [E]: the mark of a dead head."""
        found = self(contexts)
        if isinstance(found, GaussianMixture):
            logs = found.deviations.log().flatten(2)
        else:
            logs = (found.deviation / self.length[:, 1, None, None]).log()
        return (logs.abs() > (1 - _NEAR_BOUND) * _LOG_SPREAD).float().mean((1, 2))

    def step(self, contexts: Tensor) -> DirectionMagnitude | GaussianMixture:
        """Density of the next difference for contexts [E, n, W, D]; no gradient."""
        with torch.no_grad():
            found: DirectionMagnitude | GaussianMixture = self(contexts.float())
        return found

    def pick(self, wanted: Sequence[int]) -> "Ensemble":
        """Some of the members, as a stack of their own."""
        chosen = Ensemble(self.shape, [self.members[i] for i in wanted], torch.Generator())
        index = torch.tensor(list(wanted))
        chosen.load_state_dict({k: v.detach().cpu()[index] for k, v in self.state_dict().items()})
        return chosen

    def save(self, path: Path, horizon: int, step: int, **more: str) -> None:
        """Write weights and all that is needed to use them; the header has the published entries."""
        if any(k != horizon for _, k in self.members):
            raise ValueError(f"expected members of horizon {horizon}, found {self.members}")
        header = {
            "model_type": self.shape.family,
            "step": str(step),
            "horizon_k": str(horizon),
            "window_size": str(self.shape.window),
            "input_dim": str(self.shape.inputs),
            "output_dim": str(self.shape.dim),
            "model_kwargs": json.dumps(asdict(self.shape)),
            "seeds": json.dumps([s for s, _ in self.members]),
        }
        write_weights(path, self, header | more)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        SonoscopeError
            The file lacks its header, as checkpoints of other programs do.
        """
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if "model_kwargs" not in header:
                raise SonoscopeError(f"{path}: expected a checkpoint with model_kwargs in its header, found none")
            horizon = int(header["horizon_k"])
            members = [(seed, horizon) for seed in json.loads(header["seeds"])]
            model = cls(Shape(**json.loads(header["model_kwargs"])), members, torch.Generator())
            model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        return model.requires_grad_(False)


def _by_last_and_steps(linear: RidgeAutoregression, window: int, dim: int) -> tuple[Tensor, Tensor]:
    """A linear prediction from frames, rewritten for the last frame and the steps before it; [W D, D] and [D]."""
    by_frame = (linear.weights_.reshape(window, dim, dim) / linear.scale_[:, None]).cumsum(0)
    # x_w is the last frame less all steps from w on, so step j carries the weight of all frames up to j
    weights = torch.cat([by_frame[-1], -by_frame[:-1].flatten(0, 1)])
    return weights, linear.mean_ - linear.center_ @ by_frame[-1]


def _soft(raw: Tensor) -> Tensor:
    """Log-deviation in (-3, 3), the identity near 0."""
    return _LOG_SPREAD * torch.tanh(raw / _LOG_SPREAD)


def shape_of(
    family: Family, window: int, dim: int, hidden: int, layers: int, components: int, fitted: bool = True
) -> Shape:
    """Shape of a stack; the plain direction × magnitude model has one component."""
    shape = Shape(family, window, dim, hidden, layers, components, fitted)
    return replace(shape, components=1) if family == "vmf" else shape
