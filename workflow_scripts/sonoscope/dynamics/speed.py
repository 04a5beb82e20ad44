"""How fast training is beside the plain way: a dataset of rows, a DataLoader, four networks, one model at a time.

Both train direction × magnitude models of the same window, width and batch on the same frames; what is counted is
updates of one model. The plain side computes the same likelihood with the same normaliser.
"""

import time
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from sonoscope.dynamics.bessel import log_hypergeometric
from sonoscope.dynamics.ensembles import Ensemble, shape_of
from sonoscope.dynamics.store import FrameStore, Part
from sonoscope.dynamics.training import fit_ensemble
from sonoscope.dynamics.vmf import log_area
from sonoscope.settings.dynamics import Fit

_SEQUENCES, _FRAMES = 60, 60
_WARM = 3


class Rows(Dataset[tuple[Tensor, Tensor]]):
    """Context and difference of one row."""

    def __init__(self, part: Part, horizon: int) -> None:
        self.part, self.horizon, self.rows = part, horizon, part.rows("train")

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        x, t = self.part.store.shards[0], int(self.rows[index])
        last = t - self.horizon
        return x[last - self.part.window + 1 : last + 1].flatten(), x[t] - x[t - 1]


class FourNetworks(nn.Module):
    """Direction, log κ, μ and log σ from a network each."""

    def __init__(self, inputs: int, hidden: int, dim: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, out)) for out in (dim, 1, 1, 1)
        )

    def nll(self, contexts: Tensor, deltas: Tensor) -> Tensor:
        """Mean NLL of a batch."""
        raw, log_kappa, mean, log_sigma = (head(contexts) for head in self.heads)
        dim, length = deltas.shape[1], deltas.norm(dim=1, keepdim=True).clamp(min=1e-8)
        kappa = log_kappa.clamp(-2, 12).exp().double()
        cosine = (nn.functional.normalize(raw, dim=1) * deltas / length).sum(1, keepdim=True).double()
        direction = kappa * cosine - log_hypergeometric(kappa, dim / 2 - 1) - log_area(dim)
        log_sigma = log_sigma.clamp(-5, 2)
        score = (length.log() - mean) / log_sigma.exp()
        log_prob: Tensor = direction - 0.5 * score.square() - log_sigma - length.log()
        return -log_prob.mean()


def noise_part(dim: int, window: int, horizons: tuple[int, ...]) -> Part:
    """Frames of white noise, to time training on."""
    x = torch.randn(_SEQUENCES * _FRAMES, dim, generator=torch.Generator().manual_seed(0))
    first = window - 1 + max(horizons)
    rows = np.concatenate([np.arange(i * _FRAMES + first, (i + 1) * _FRAMES) for i in range(_SEQUENCES)])
    split = np.where(rows < len(x) * 0.9, "train", "validation")
    return Part(
        "noise", FrameStore([x]), pd.DataFrame({"row": rows, "split": split}), torch.zeros(dim), torch.ones(dim),
        window, horizons, 12.5, "noise",
    )  # fmt: skip


def plain_updates_per_second(part: Part, fit: Fit, steps: int) -> float:
    """Updates per second of the plain way, one model of the first horizon."""
    loader = DataLoader(Rows(part, part.horizons[0]), fit.batch, shuffle=True, drop_last=True)
    model = FourNetworks(part.window * part.dim, fit.hidden, part.dim)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    done, started = 0, time.perf_counter()
    while True:
        for contexts, deltas in loader:
            if done == _WARM:
                started = time.perf_counter()
            loss = model.nll(contexts, deltas)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            done += 1
            if done == steps + _WARM:
                return steps / (time.perf_counter() - started)


def stacked_updates_per_second(part: Part, fit: Fit, steps: int) -> float:
    """Model updates per second of a stack: all seeds and horizons at once, as experiment 1 trains them."""
    members = [(s, k) for s in fit.seeds for k in part.horizons]
    shape = shape_of("vmf", part.window, part.dim, fit.hidden, fit.layers, fit.components)
    ensemble = Ensemble(shape, members, torch.Generator().manual_seed(0))
    eye = torch.eye(part.dim, dtype=torch.float64).expand(len(members), -1, -1)
    ensemble.calibrate(part.mean, part.deviation, eye, part.deltas(part.rows("train")))
    timed = fit.model_copy(update={"max_steps": steps, "validate_every": steps})
    return fit_ensemble(ensemble, part, timed).steps_per_second


def compare_speed(fit: Fit, window: int, horizons: tuple[int, ...], dim: int, steps: int = 30) -> dict[str, Any]:
    """Both rates and their ratio; the better of two turns each, so that a busy machine does not decide."""
    part = noise_part(dim, window, horizons)
    plain = max(plain_updates_per_second(part, fit, steps) for _ in range(2))
    stacked = max(stacked_updates_per_second(part, fit, steps) for _ in range(2))
    return {
        "plain_updates_per_second": plain,
        "stacked_updates_per_second": stacked,
        "speedup": stacked / plain,
        "batch": fit.batch,
        "hidden": fit.hidden,
        "dim": dim,
        "window": window,
        "models_at_once": len(fit.seeds) * len(horizons),
        "threads": torch.get_num_threads(),
    }
