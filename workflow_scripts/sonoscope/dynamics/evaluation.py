"""What a model says of held-out frames, as sums by speaker: estimates and their intervals come from the same sums.

Frames of one speaker are not independent, so speakers are what is resampled. Seeds of training are averaged first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.dynamics.heads import DirectionMagnitude, StepDistribution
from sonoscope.dynamics.store import Part
from sonoscope.statistics import bootstrap_interval

Floats = NDArray[np.float64]
Answer = Callable[[Tensor], StepDistribution]
"""Density of the next difference for contexts [E, n, W, D]."""

_BLOCK = 2048
_TINY = 1e-12

MEASURES = (
    "nll", "direction_cosine", "delta_r2", "state_r2", "logmag_r2", "logmag_skill", "logmag_mse", "logmag_r2_of_mean"
)  # fmt: skip
"""Estimates with intervals.

delta_r2 is against persistence, state_r2 and logmag_skill against the mean of the training frames, which is what can be
predicted without a context. logmag_r2 is against the mean of the test frames themselves: with test speakers whose steps
are longer or shorter than those of training speakers, the best constant prediction has a negative one.
"""


@dataclass(frozen=True)
class Judged:
    """Per-frame numbers of S seeds on n frames."""

    columns: dict[str, Floats]
    """By name, [S, n]; names without a meaning for the model are absent."""
    speakers: NDArray[np.int64]
    """[n]"""
    dim: int


@torch.no_grad()
def judge(answer: Answer, part: Part, rows: Tensor, horizon: int, speakers: Sequence[str]) -> Judged:
    """Let a model predict the differences of ``rows`` from contexts that end ``horizon`` frames earlier."""
    found: dict[str, list[Tensor]] = {}
    for block in torch.split(rows, _BLOCK):
        contexts, deltas = part.contexts(block, horizon)[None], part.deltas(block)[None]
        for name, value in _numbers(answer(contexts), deltas, part, block).items():
            found.setdefault(name, []).append(value.double())
    values = {name: torch.cat(blocks, 1).numpy() for name, blocks in found.items()}
    return Judged(values, pd.factorize(np.asarray(speakers))[0].astype(np.int64), part.dim)


def _numbers(density: StepDistribution, deltas: Tensor, part: Part, rows: Tensor) -> dict[str, Tensor]:
    expected = density.mean().double()
    wide = deltas.double().expand_as(expected)
    lengths, norms = wide.norm(dim=-1), expected.norm(dim=-1)
    previous = part.store.take(rows - 1).double()[None]
    away = (previous + wide - part.mean.double()).square().sum(-1)
    left = (wide - expected).square().sum(-1)
    log_true, log_mean = lengths.clamp(min=_TINY).log(), norms.clamp(min=_TINY).log()
    found = {
        "nll": -density.log_prob(deltas),
        "cosine": torch.where(norms > 0, (wide * expected).sum(-1) / (lengths * norms).clamp(min=_TINY), 0.0),
        "residual": left,
        "change": wide.square().sum(-1),
        "away": away,
        "ratio": norms / lengths.clamp(min=_TINY),
        "log_of_mean_error": (log_true - log_mean).square(),
        "log_of_mean": log_true,
    }
    if isinstance(density, DirectionMagnitude):
        z = density.coordinates.into(deltas.float()).norm(dim=-1).clamp(min=_TINY).log().double()
        z = z.expand_as(lengths)
        found |= {"log_m": z, "log_m_error": (z - density.mean_log_magnitude().double()).square()}
        if density.usual_log_magnitude is not None:
            found["log_m_usual"] = (z - density.usual_log_magnitude[:, None].double()).square()
    return found


@dataclass(frozen=True)
class Sums:
    """Sums over the frames of each speaker, seeds averaged, [speakers]; squares of log-lengths too."""

    count: Floats
    total: dict[str, Floats]

    @classmethod
    def of(cls, judged: Judged) -> "Sums":
        """Add up per speaker."""
        size = int(judged.speakers.max()) + 1
        means = {name: v.mean(0) for name, v in judged.columns.items()}
        for name in ("log_m", "log_of_mean"):
            if name in means:
                means[f"{name}_square"] = (judged.columns[name] ** 2).mean(0)
        count = np.bincount(judged.speakers, minlength=size).astype(np.float64)
        return cls(count, {n: sums_by(judged.speakers, c, size) for n, c in means.items()})

    def measures(self, weights: Floats) -> dict[str, Floats]:
        """Estimates for weights of speakers [R, speakers]; [R] each. Speakers with weight 0 have no part in them."""
        n = weights @ self.count
        total = {name: weights @ value for name, value in self.total.items()}
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {
                "nll": total["nll"] / n,
                "direction_cosine": total["cosine"] / n,
                "delta_r2": 1 - total["residual"] / total["change"],
                "state_r2": 1 - total["residual"] / total["away"],
                "mag_ratio": total["ratio"] / n,
                "logmag_r2_of_mean": _r2(total, "log_of_mean", n),
            }
            if "log_m" in total:
                found |= {"logmag_mse": total["log_m_error"] / n, "logmag_r2": _r2(total, "log_m", n)}
            if "log_m_usual" in total:
                found["logmag_skill"] = 1 - total["log_m_error"] / total["log_m_usual"]
        return found


def sums_by(groups: NDArray[np.int64], values: Any, size: int) -> Floats:
    """Sum of ``values`` over each of ``size`` groups."""
    return np.bincount(groups, weights=np.asarray(values, dtype=np.float64), minlength=size).astype(np.float64)


def _r2(total: dict[str, Floats], name: str, n: Floats) -> Floats:
    spread = total[f"{name}_square"] - total[name] ** 2 / n
    r2: Floats = 1 - total[f"{name}_error"] / spread
    return r2


def summarise(
    judged: Judged, baseline: Judged, resamples: int, seed: int, published_baseline: Judged | None = None
) -> dict[str, object]:
    """The block that stands in ``metrics.json`` for one split: published keys, intervals, seeds; null for no number.

    Parameters
    ----------
    judged : Judged
    baseline : Judged
        The unconditional law that ``dnll`` is held against, on the same frames.
    resamples, seed : int
        Of the bootstrap over speakers.
    published_baseline : Judged, optional
        Another one, whose difference is given as ``dnll_published_baseline``.
    """
    own, other = Sums.of(judged), Sums.of(baseline)
    ones = np.ones((1, len(own.count)))
    point = {name: number(v[0]) for name, v in own.measures(ones).items()}
    base = float(other.measures(ones)["nll"][0])
    nll = point["nll"]
    found: dict[str, object] = {
        "n": len(judged.speakers),
        "n_speakers": len(own.count),
        "nll": nll,
        "nll_per_dim": None if nll is None else nll / judged.dim,
        "nll_baseline": number(base),
        "nll_baseline_per_dim": number(base / judged.dim),
        "dnll": None if nll is None else number(nll - base),
        "dnll_per_dim": None if nll is None else number((nll - base) / judged.dim),
        **{name: point.get(name) for name in (*MEASURES[1:], "mag_ratio")},
        "nll_median": number(float(np.median(judged.columns["nll"]))),
        "nll_q999": number(float(np.quantile(judged.columns["nll"], 0.999))),
    }
    if published_baseline is not None:
        other_base = float(Sums.of(published_baseline).measures(ones)["nll"][0])
        found["dnll_published_baseline"] = None if nll is None else number(nll - other_base)
    found["intervals"] = _intervals(own, other, resamples, seed)
    found["seeds"] = _by_seed(judged)
    found["by_speaker"] = {"n": own.count.tolist(), "nll": [number(v) for v in own.total["nll"]]}
    return found


def _intervals(own: Sums, other: Sums, resamples: int, seed: int) -> dict[str, list[float] | None]:
    """95 % intervals by name; None with fewer than two speakers."""

    def of(name: str) -> Callable[[Floats], Floats]:
        if name == "dnll":
            return lambda w: own.measures(w)["nll"] - other.measures(w)["nll"]
        return lambda w: own.measures(w)[name]

    known = [name for name in MEASURES if name in _names(own)]
    return {name: interval(of(name), len(own.count), resamples, seed) for name in (*known, "dnll")}


def _names(sums: Sums) -> set[str]:
    return set(sums.measures(np.ones((1, len(sums.count)))))


def interval(statistic: Callable[[Floats], Floats], units: int, resamples: int, seed: int) -> list[float] | None:
    """Percentile interval over ``units`` (speakers); None with fewer than two, or where the statistic has no value."""
    if units < 2 or not np.isfinite(statistic(np.ones((1, units)))[0]):
        return None
    found = bootstrap_interval(statistic, units, np.random.default_rng(seed), resamples=resamples)
    return [found.low, found.high]


def paired_difference(
    first: Mapping[str, Any], second: Mapping[str, Any], resamples: int, seed: int
) -> tuple[float, list[float] | None] | None:
    """NLL of one model less that of another on the same frames, from their blocks; with its interval over speakers."""
    a, b = (np.array(m["by_speaker"]["nll"], dtype=np.float64) for m in (first, second))
    count = np.array(first["by_speaker"]["n"], dtype=np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    difference = a - b
    ends = interval(lambda w: (w @ difference) / (w @ count), len(count), resamples, seed)
    return float(difference.sum() / count.sum()), ends


def _by_seed(judged: Judged) -> dict[str, object]:
    """NLL and cosine of each seed, and the spread between them."""
    nll, cosine = judged.columns["nll"].mean(1), judged.columns["cosine"].mean(1)
    spread = float(nll.std(ddof=1)) if len(nll) > 1 else None
    return {
        "nll": [number(v) for v in nll],
        "direction_cosine": [number(v) for v in cosine],
        "nll_between_seeds": number(spread),
    }


def number(value: float | None) -> float | None:
    """A finite number, or None: JSON knows no NaN."""
    return None if value is None or not np.isfinite(value) else float(value)
