"""The published direction × magnitude model, with the clamps that its gradient dies at. For comparison only.

Four separate networks on the raw context give the direction, log κ, μ and log σ; the last three are cut off hard. At
the scale of codec latents log κ starts above and log σ below what the data at first ask for; both run into their bounds
(-2 and 2), where the gradient is zero, and stay: the model then is worse than no model.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sonoscope.dynamics.ensembles import Stacked
from sonoscope.dynamics.heads import Coordinates, DirectionMagnitude
from sonoscope.dynamics.store import Part
from sonoscope.dynamics.training import Shuffled, clip_each, member_spans

LOG_KAPPA, LOG_SIGMA, MEAN_LOG = (-2.0, 12.0), (-5.0, 2.0), (-5.0, 12.0)
"""Published bounds."""
_LR, _DECAY = 1e-3, 1e-4


class ClampedModel(nn.Module):
    """E published models side by side. Raw contexts [E, n, W, D] in, a `DirectionMagnitude` in raw coordinates out."""

    def __init__(
        self, members: Sequence[tuple[int, int]], window: int, dim: int, hidden: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.members, self.dim = tuple(members), dim
        e, width = len(members), window * dim
        self.first = nn.ModuleList(Stacked(e, width, hidden, generator) for _ in range(4))
        self.last = nn.ModuleList(Stacked(e, hidden, out, generator) for out in (dim, 1, 1, 1))

    def forward(self, contexts: Tensor) -> DirectionMagnitude:
        """Density of the next difference for contexts [E, n, W, D]."""
        x = contexts.flatten(2)
        raw = [b(nn.functional.gelu(a(x))) for a, b in zip(self.first, self.last, strict=True)]
        direction = nn.functional.normalize(raw[0], dim=-1)
        kappa, mean_log, sigma = (
            r.clamp(*bound) for r, bound in zip(raw[1:], (LOG_KAPPA, MEAN_LOG, LOG_SIGMA), strict=True)
        )
        eye = torch.eye(self.dim, device=x.device).expand(len(x), -1, -1)
        plain = Coordinates(eye, eye, torch.zeros(len(x), dtype=torch.float64, device=x.device))
        natural = (kappa.exp() * direction)[..., None, :]
        return DirectionMagnitude(torch.zeros_like(mean_log), natural, mean_log, sigma.exp(), plain)

    def step(self, contexts: Tensor) -> DirectionMagnitude:
        """Density of the next difference for contexts [E, n, W, D]; no gradient."""
        with torch.no_grad():
            found: DirectionMagnitude = self(contexts.float())
        return found

    def pick(self, wanted: Sequence[int]) -> "ClampedModel":
        """Some of the members, as a stack of their own."""
        _, width, hidden = self.first[0].weight.shape  # type: ignore[misc]
        chosen = ClampedModel([self.members[i] for i in wanted], int(width) // self.dim, self.dim, int(hidden), _any())
        index = torch.tensor(list(wanted))
        chosen.load_state_dict({k: v[index] for k, v in self.state_dict().items()})
        return chosen.requires_grad_(False)

    @torch.no_grad()
    def stuck(self, contexts: Tensor) -> dict[str, float]:
        """Share of rows whose log κ lies on its lower bound, and whose log σ lies on its upper one."""
        found = self(contexts.float())
        return {
            "kappa_at_bound": float((found.concentration.log() <= LOG_KAPPA[0] + 1e-3).float().mean()),
            "sigma_at_bound": float((found.deviation.log() >= LOG_SIGMA[1] - 1e-3).float().mean()),
        }


def _any() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def train_published(model: ClampedModel, part: Part, steps: int, batch: int) -> None:
    """Train as published: AdamW at a constant rate, gradient norm 1, no selection of a state."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=_LR, weight_decay=_DECAY)
    seeds = list(dict.fromkeys(s for s, _ in model.members))
    batches = Shuffled(part.rows("train"), seeds, batch)
    parameters = list(model.parameters())
    for _ in range(steps):
        contexts, deltas = member_spans(part, batches.next(), model)
        loss = -model(contexts).log_prob(deltas).mean(1).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        clip_each(parameters, 1.0)
        optimiser.step()
    model.requires_grad_(False)
