"""Train and measure sparse autoencoders on a store of hidden states."""

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.interpretability.absorption import planted_absorption
from sonoscope.interpretability.sae import Kind, Recipe, SparseAutoencoder, train_sae
from sonoscope.interpretability.sae_measures import Recovered, errors_by_clip, fit_of, matched_share, mmcs, spliced
from sonoscope.interpretability.shards import ShardStore
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen
from sonoscope.settings.interpretability import Dictionary
from sonoscope.statistics import Interval, bootstrap_interval

log = logging.getLogger(__name__)

FEWEST = 40
"""Frames per feature below which a dictionary is warned of; 100 to 200 are advised."""

SPLICED = 32
"""Held-out clips, at most, on which the running model is measured."""
EVERY = 5
"""Every fifth group of pieces is held out, so that both sides hold all kinds of pieces."""
_RESAMPLES = 1000


class Sides(NamedTuple):
    """What is trained on and what is measured on; versions of one piece stand on one side."""

    train: NDArray[np.int64]
    """Rows of the store."""
    held_out: NDArray[np.int64]
    """Rows of the store, clip by clip."""
    clips: NDArray[np.int64]
    """Clips that are held out."""


def sides_by_group(frames: int, groups: Sequence[str]) -> Sides:
    """Sides of a store of ``frames`` rows, of one clip after the other, whose groups are given."""
    each, order = frames // len(groups), {group: k for k, group in enumerate(dict.fromkeys(groups))}
    out = np.array([order[group] % EVERY == EVERY - 1 for group in groups])
    rows = np.arange(each * len(groups)).reshape(len(groups), each)
    return Sides(rows[~out].ravel(), rows[out].ravel(), np.flatnonzero(out))


def train_dictionary(store: ShardStore, rows: NDArray[np.int64], kind: Kind, seed: int, settings: Dictionary) -> (
    tuple[SparseAutoencoder, float]
):  # fmt: skip
    """An autoencoder trained on shuffled rows of a store, and the seconds that it took."""
    generator = torch.Generator().manual_seed(seed)
    order = np.random.default_rng(seed)
    sae = SparseAutoencoder(store.dim, settings.expansion * store.dim, settings.k, kind, generator)
    some = order.choice(rows, size=min(len(rows), 20_000), replace=False)
    sae.start_from(torch.from_numpy(store.rows(some)))
    if len(rows) < FEWEST * len(sae.W_dec):
        log.warning("%d frames for %d features: expected %d per feature or more, or many of them will stay dead",
                    len(rows), len(sae.W_dec), FEWEST)  # fmt: skip
    batch = min(settings.batch, len(rows))
    epochs = -(-settings.steps // (len(rows) // batch))

    def batches() -> Iterator[Tensor]:
        for part in store.batches(rows, batch, order, epochs):
            yield torch.from_numpy(part)

    start = time.perf_counter()
    with Progress(settings.steps, f"steps of {kind}") as progress:
        train_sae(sae, batches(), Recipe(settings.steps, settings.rate, dead_after=len(rows) // 4), progress.advance)
    return sae, time.perf_counter() - start


def cross_entropies(
    model: MusicGen, tokens: Tensor, layer: int, sae: SparseAutoencoder, mean: Tensor
) -> NDArray[np.float64]:
    """Negative log-likelihood of replays under null text, ``(4, clips)``: layer as it is, reconstructed, zero, mean."""
    nothing = [None] * len(tokens)
    found = []
    for replacement in (None, sae, torch.zeros_like(mean), mean):
        with spliced(model.blocks[layer], replacement), torch.no_grad():
            found.append(model.nll(tokens, nothing).double().cpu().numpy())
    return np.stack(found)


def measure_kind(
    kind: Kind, store: ShardStore, model: MusicGen, tokens: NDArray[np.int16], groups: Sequence[str],
    settings: Dictionary,
) -> tuple[SparseAutoencoder, dict[str, Any]]:  # fmt: skip
    """Train one kind from every seed, and its row of the table; the autoencoder of the first seed.

    Parameters
    ----------
    tokens
        Of all clips of the store, ``(clips, K, T)``.
    groups
        Of each clip; those of one group are versions of one piece.
    """
    train, held_out, clips = sides_by_group(store.count, groups)
    trained = [train_dictionary(store, train, kind, seed, settings) for seed in settings.seeds]
    (sae, seconds), (other, _) = trained[0], trained[1]
    unseen = torch.from_numpy(store.rows(held_out))
    fit = fit_of(sae, unseen)
    sample = np.random.default_rng(0).choice(train, size=min(len(train), 20_000), replace=False)
    some = clips[np.linspace(0, len(clips) - 1, min(SPLICED, len(clips))).round().astype(int)]
    codes = torch.from_numpy(tokens[some].astype(np.int64))
    mean = torch.tensor(store.manifest["mean"], dtype=torch.float32)
    layer = int(store.manifest["layer"])
    each = cross_entropies(model, codes, layer, sae, mean)
    ce = Recovered(*(float(value) for value in each.mean(1)))
    errors, totals = errors_by_clip(sae, unseen, len(clips))
    fvu = _ratio_interval(errors, totals, [groups[clip] for clip in clips])
    recovered = _ratio_interval(each[2] - each[1], each[2] - each[0], [groups[clip] for clip in some])
    random = torch.randn(sae.W_dec.shape, generator=torch.Generator().manual_seed(7))
    log.info("%s: FVU %.3f, L0 %.1f, dead %.1f %%", kind, fit.fvu, fit.l0, 100 * fit.dead)
    return sae, {
        "kind": kind, "layer": layer, "features": len(sae.W_dec), "k": settings.k, "clips": len(clips),
        **fit._asdict(), "fvu_low": fvu.low, "fvu_high": fvu.high, "spliced": len(some),
        "recovered": ce.share, "recovered_low": recovered.low, "recovered_high": recovered.high,
        "ce_clean": ce.clean, "ce_spliced": ce.spliced, "ce_zero": ce.zero, "ce_mean": ce.mean,
        "mmcs": mmcs(other.W_dec, sae.W_dec), "matched": matched_share(sae.W_dec, other.W_dec),
        "random_mmcs": mmcs(random, sae.W_dec), "seconds": seconds, "frames": len(train),
        "pca_fvu": pca_fvu(torch.from_numpy(store.rows(sample)), unseen, round(fit.l0)),
        "absorption": planted_absorption(kind, settings.seeds[0], min(settings.steps, 400)),
    }  # fmt: skip


def _ratio_interval(parts: NDArray[np.float64], wholes: NDArray[np.float64], groups: Sequence[str]) -> Interval:
    """Sum of parts over sum of wholes, with an interval over groups of clips."""

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        whole = weights @ wholes
        return np.asarray((weights @ parts) / np.where(np.abs(whole) > 1e-12, whole, np.nan))

    return bootstrap_interval(statistic, len(parts), np.random.default_rng(0), groups=groups, resamples=_RESAMPLES)


def pca_fvu(train: Tensor, held_out: Tensor, count: int) -> float:
    """Fraction of variance that ``count`` principal components of other rows leave: the dense code of that size."""
    mean = train.mean(0)
    basis = torch.linalg.eigh((train - mean).double().t() @ (train - mean).double())[1][:, -max(1, count) :].float()
    centred = held_out - mean
    left = centred - (centred @ basis) @ basis.t()
    return float(left.double().square().sum() / (held_out - held_out.mean(0)).double().square().sum())


def store_of(folder: Path, depth: float, num_layers: int) -> ShardStore:
    """The store of the layer at a relative depth, digests checked."""
    store = ShardStore(folder, round(depth * (num_layers - 1)), "null")
    store.verify()
    return store
