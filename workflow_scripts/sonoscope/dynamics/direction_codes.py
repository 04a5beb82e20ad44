"""Autoregression over codes of directions times a LogNormal magnitude: a model of steps, as all others.

The law over codes is read as a mixture of von Mises-Fisher laws about them, of one concentration that is fitted to the
training steps. So it has a density, on the scale of all other models, and goes through the one rollout engine: the
typical step is the likeliest code at its median magnitude, without any chance; a drawn step has a drawn code and
length.
"""

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import torch
from safetensors import safe_open
from torch import Tensor, nn

from sonoscope.dynamics.codebooks import nearest, unit
from sonoscope.dynamics.ensembles import Stacked
from sonoscope.dynamics.likelihoods import factored_log_prob, log_normal_log_prob
from sonoscope.dynamics.store import Part
from sonoscope.dynamics.training import Shuffled, clip_each, member_spans
from sonoscope.dynamics.vmf import concentration_of, log_normaliser, mean_resultant_length
from sonoscope.dynamics.weights import write_weights
from sonoscope.errors import SonoscopeError
from sonoscope.settings.bottlenecks import DirectionAr

log = logging.getLogger(__name__)

_RECENT = 2
_LOG_SPREAD = 2.0
_VALIDATION_ROWS = 2048
_SHORTEST = 1e-8


@dataclass(frozen=True)
class CodedStep:
    """Σ_k p_k vMF(d; c_k, κ) LogNormal(m; μ, σ) for E models and n rows."""

    log_weights: Tensor
    """log p, [E, n, K]"""
    codes: Tensor
    """Unit vectors, [K, D]."""
    mean_log: Tensor
    """μ, [E, n]"""
    deviation: Tensor
    """σ, [E, n]"""
    concentration: float

    def log_prob(self, deltas: Tensor) -> Tensor:
        """Log-density on the latents' own scale, nats per frame, float64 [E, n]."""
        dim = self.codes.shape[1]
        m = deltas.norm(dim=-1).clamp(min=_SHORTEST)
        kappa = torch.tensor(self.concentration, dtype=torch.float64)
        along = self.concentration * ((deltas / m[..., None]) @ self.codes.T).double()
        direction = torch.logsumexp(self.log_weights.double() + along, -1) + log_normaliser(kappa, dim)
        magnitude = log_normal_log_prob(m.expand_as(self.mean_log), self.mean_log.double(), self.deviation.double())
        return factored_log_prob(direction, magnitude, m.expand_as(self.mean_log), dim)

    def mean(self) -> Tensor:
        """Expected difference, [E, n, D]."""
        kappa = torch.tensor(self.concentration, dtype=torch.float64)
        length = torch.exp(self.mean_log + self.deviation.square() / 2)
        resultant = float(mean_resultant_length(kappa, self.codes.shape[1]))
        return resultant * length[..., None] * (self.log_weights.exp() @ self.codes)

    def median(self) -> Tensor:
        """The likeliest code at its median magnitude, [E, n, D]; nothing of it is drawn."""
        return self.mean_log.exp()[..., None] * self.codes[self.log_weights.argmax(-1)]

    def sample(self, generator: torch.Generator) -> Tensor:
        """A drawn code at a drawn magnitude, [E, n, D]."""
        weights = self.log_weights.exp().flatten(0, 1)
        which = torch.multinomial(weights, 1, generator=generator).reshape(self.mean_log.shape)
        noise = torch.randn(self.mean_log.shape, generator=generator)
        return torch.exp(self.mean_log + self.deviation * noise)[..., None] * self.codes[which]


def nucleus(log_weights: Tensor, share: float) -> Tensor:
    """Keep the likeliest codes whose probabilities add up to ``share``, at least one; log-probabilities [..., K]."""
    ordered = log_weights.sort(-1, descending=True)
    before = ordered.values.exp().cumsum(-1) - ordered.values.exp()
    kept = torch.where(before < share, ordered.values, torch.full_like(ordered.values, -math.inf))
    back = torch.empty_like(kept).scatter(-1, ordered.indices, kept)
    return back.log_softmax(-1)


@dataclass(frozen=True)
class Shape:
    """What a stack of networks looks like; in the header of its file as ``model_kwargs``."""

    window: int
    dim: int
    hidden: int
    codes: int

    @property
    def inputs(self) -> int:
        """Last frame, steps, latest directions, log-lengths."""
        steps = self.window - 1
        return self.dim + steps * self.dim + min(_RECENT, steps) * self.dim + steps


class DirectionAutoregression(nn.Module):
    """E models of one codebook. Contexts [E, n, W, D] in, `CodedStep` out.

    Starts as the unigram of codes at the overall magnitude; the last layer and the direct path begin at zero.
    """

    center: Tensor
    spread: Tensor
    step_spread: Tensor
    codes: Tensor
    length: Tensor
    kappa: Tensor

    def __init__(self, shape: Shape, members: Sequence[tuple[int, int]], generator: torch.Generator) -> None:
        super().__init__()
        self.shape, self.members = shape, tuple(members)
        e, outputs = len(members), shape.codes + 2
        self.trunk = Stacked(e, shape.inputs, shape.hidden, generator)
        self.head = Stacked(e, shape.hidden, outputs, None)
        self.direct = nn.Parameter(torch.zeros(e, shape.inputs, outputs))
        for name in ("center", "spread", "step_spread"):
            self.register_buffer(name, torch.ones(shape.dim))
        self.register_buffer("codes", torch.zeros(shape.codes, shape.dim))
        self.register_buffer("length", torch.zeros(2))  # mean and deviation of log |Δ|
        self.register_buffer("kappa", torch.ones((), dtype=torch.float64))

    @torch.no_grad()
    def calibrate(self, part: Part, codes: Tensor, deltas: Tensor) -> None:
        """Set statistics, codes [K, D] and the unigram from training differences [n, D]."""
        self.center.copy_(part.mean)
        self.spread.copy_(part.deviation)
        self.step_spread.copy_(deltas.square().mean(0).sqrt().clamp(min=1e-12))
        self.codes.copy_(codes)
        logs = deltas.norm(dim=1).clamp(min=_SHORTEST).log()
        self.length.copy_(torch.stack([logs.mean(), logs.std().clamp(min=1e-3)]))
        own, cosine = nearest(unit(deltas), codes, True)
        self.kappa.copy_(concentration_of(cosine.double().mean().clamp(0, 1 - 1e-9), codes.shape[1]))
        shares = (torch.bincount(own, minlength=len(codes)) + 1.0) / (len(own) + len(codes))
        self.head.bias[:, 0, : len(codes)] = shares.log()

    def features(self, contexts: Tensor) -> Tensor:
        """Inputs [E, n, inputs] of contexts [E, n, W, D]."""
        last = (contexts[:, :, -1] - self.center) / self.spread
        steps = contexts.diff(dim=2)
        lengths = steps.norm(dim=-1).clamp(min=_SHORTEST)
        logs = ((lengths.log() - self.length[0]) / self.length[1]).clamp(-6, 6)
        directions = (steps / lengths[..., None])[:, :, -_RECENT:] * math.sqrt(self.shape.dim)
        return torch.cat([last, (steps / self.step_spread).flatten(2), directions.flatten(2), logs], 2)

    def forward(self, contexts: Tensor) -> CodedStep:
        """The law of the next step for contexts [E, n, W, D]."""
        x = self.features(contexts)
        raw = self.head(nn.functional.gelu(self.trunk(x))) + torch.bmm(x, self.direct)
        k = self.shape.codes
        spread = self.length[1] * torch.exp(_LOG_SPREAD * torch.tanh((raw[..., k + 1]) / _LOG_SPREAD))
        mean = self.length[0] + self.length[1] * raw[..., k]
        return CodedStep(raw[..., :k].log_softmax(-1), self.codes, mean, spread, float(self.kappa))

    @torch.no_grad()
    def step(self, contexts: Tensor) -> CodedStep:
        """The same, without gradient."""
        found: CodedStep = self(contexts.float())
        return found

    def losses(self, contexts: Tensor, deltas: Tensor, shortest: float) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the nearest code and NLL of the log-magnitude, each [E]; short steps have no direction."""
        step = self(contexts)
        m = deltas.norm(dim=-1).clamp(min=_SHORTEST)
        own = nearest(unit(deltas.flatten(0, 1)), self.codes, True)[0].reshape(m.shape)
        counts = (m >= shortest).float()
        entropy = -step.log_weights.gather(-1, own[..., None])[..., 0]
        z = (m.log() - step.mean_log) / step.deviation
        magnitude = 0.5 * z.square() + step.deviation.log() + 0.5 * math.log(2 * math.pi)
        return (entropy * counts).sum(1) / counts.sum(1).clamp(min=1), magnitude.mean(1)

    def save(self, path: Path, horizon: int, step: int, **more: str) -> None:
        """Write weights and all that is needed to use them, with the published entries in the header."""
        header = {
            "model_type": "direction_ar", "step": str(step), "horizon_k": str(horizon),
            "window_size": str(self.shape.window), "input_dim": str(self.shape.inputs),
            "output_dim": str(self.shape.dim), "model_kwargs": json.dumps(asdict(self.shape)),
            "seeds": json.dumps([s for s, _ in self.members]),
        }  # fmt: skip
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
            if header.get("model_type") != "direction_ar":
                found = header.get("model_type", "no model_type")
                raise SonoscopeError(f"{path}: expected a checkpoint of experiment 10, found {found}")
            members = [(seed, int(header["horizon_k"])) for seed in json.loads(header["seeds"])]
            model = cls(Shape(**json.loads(header["model_kwargs"])), members, torch.Generator())
            model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        return model.requires_grad_(False)


@dataclass(frozen=True)
class Nucleus:
    """A model whose unlikely codes are left out."""

    model: DirectionAutoregression
    share: float

    def step(self, contexts: Tensor) -> CodedStep:
        """The law of the next step for contexts [E, n, W, D]."""
        found = self.model.step(contexts)
        return replace(found, log_weights=nucleus(found.log_weights, self.share))


def fit_direction_ar(
    part: Part, codes: Tensor, horizon: int, seeds: Sequence[int], settings: DirectionAr, seed: int
) -> DirectionAutoregression:
    """Train one model per seed side by side; keep, for each, the state that predicts validation speakers best."""
    members = [(s, horizon) for s in seeds]
    shape = Shape(part.window, part.dim, settings.hidden, len(codes))
    model = DirectionAutoregression(shape, members, torch.Generator().manual_seed(seed))
    rows = part.rows("train")
    deltas = part.deltas(rows)
    model.calibrate(part, codes, deltas)
    shortest = 0.01 * float(deltas.norm(dim=1).median())
    batches = Shuffled(rows, list(seeds), settings.batch)
    held = part.rows("validation")
    held = held[torch.linspace(0, len(held) - 1, min(len(held), _VALIDATION_ROWS)).long()]
    watched = member_spans(part, held.expand(len(members), -1), model)
    parameters = list(model.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=settings.lr, weight_decay=settings.weight_decay)
    best = torch.full((len(members),), math.inf)
    kept = [p.detach().clone() for p in parameters]
    for step in range(settings.max_steps + 1):
        if step % settings.validate_every == 0 or step == settings.max_steps:
            with torch.no_grad():
                loss = torch.stack(model.losses(*watched, shortest)).sum(0)
                for i in torch.nonzero(loss < best)[:, 0].tolist():
                    best[i] = loss[i]
                    for old, p in zip(kept, parameters, strict=True):
                        old[i] = p[i]
        if step == settings.max_steps:
            break
        for group in optimiser.param_groups:
            group["lr"] = settings.lr * 0.5 * (1 + math.cos(math.pi * step / settings.max_steps))
        entropy, magnitude = model.losses(*member_spans(part, batches.next(), model), shortest)
        optimiser.zero_grad(set_to_none=True)
        (entropy + magnitude).sum().backward()  # type: ignore[no-untyped-call]
        clip_each(parameters, 1.0)
        optimiser.step()
    with torch.no_grad():
        for old, p in zip(kept, parameters, strict=True):
            p.copy_(old)
    log.info("validation loss %s nats", " ".join(f"{v:.3f}" for v in best.tolist()))
    return model.requires_grad_(False)
