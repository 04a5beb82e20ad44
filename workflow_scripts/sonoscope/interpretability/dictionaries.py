"""Train and measure sparse autoencoders on a store of hidden states."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.interpretability.absorption import planted_absorption
from sonoscope.interpretability.sae import Kind, Recipe, SparseAutoencoder, train_sae
from sonoscope.interpretability.sae_measures import Recovered, fit_of, matched_share, mmcs, spliced
from sonoscope.interpretability.shards import ShardStore
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen
from sonoscope.settings.interpretability import Dictionary

log = logging.getLogger(__name__)

FEWEST = 40
"""Frames per feature below which a dictionary is warned of; 100 to 200 are advised."""

Sides = tuple[NDArray[np.int64], NDArray[np.int64]]


def sides_by_clip(frames: int, clips: int, share: float = 0.8) -> Sides:
    """Rows of the store to train on and to measure on; no clip stands on both sides."""
    each = frames // clips
    cut = round(share * clips) * each
    return np.arange(cut), np.arange(cut, clips * each)


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


def cross_entropies(model: MusicGen, tokens: Tensor, layer: int, sae: SparseAutoencoder, mean: Tensor) -> Recovered:
    """Negative log-likelihood of replays under null text, with the layer as it is, reconstructed, zero, and mean."""
    nothing = [None] * len(tokens)
    found = []
    for replacement in (None, sae, torch.zeros_like(mean), mean):
        with spliced(model.blocks[layer], replacement), torch.no_grad():
            found.append(float(model.nll(tokens, nothing).mean()))
    return Recovered(*found)


def measure_kind(
    kind: Kind, store: ShardStore, model: MusicGen, tokens: NDArray[np.int16], settings: Dictionary
) -> tuple[SparseAutoencoder, dict[str, Any]]:
    """Train one kind from every seed, and its row of the table; the autoencoder of the first seed."""
    train, held_out = sides_by_clip(store.count, len(tokens))
    trained = [train_dictionary(store, train, kind, seed, settings) for seed in settings.seeds]
    (sae, seconds), (other, _) = trained[0], trained[1]
    unseen = torch.from_numpy(store.rows(held_out))
    fit = fit_of(sae, unseen)
    sample = np.random.default_rng(0).choice(train, size=min(len(train), 20_000), replace=False)
    codes = torch.from_numpy(tokens[round(0.8 * len(tokens)) :][:32].astype(np.int64))
    mean = torch.tensor(store.manifest["mean"], dtype=torch.float32)
    layer = int(store.manifest["layer"])
    ce = cross_entropies(model, codes, layer, sae, mean)
    random = torch.randn(sae.W_dec.shape, generator=torch.Generator().manual_seed(7))
    log.info("%s: FVU %.3f, L0 %.1f, dead %.1f %%", kind, fit.fvu, fit.l0, 100 * fit.dead)
    return sae, {
        "kind": kind, "layer": layer, "features": len(sae.W_dec), "k": settings.k, **fit._asdict(),
        "ce_clean": ce.clean, "ce_spliced": ce.spliced, "ce_zero": ce.zero, "ce_mean": ce.mean,
        "mmcs": mmcs(other.W_dec, sae.W_dec), "matched": matched_share(sae.W_dec, other.W_dec),
        "random_mmcs": mmcs(random, sae.W_dec), "seconds": seconds, "frames": len(train),
        "pca_fvu": pca_fvu(torch.from_numpy(store.rows(sample)), unseen, round(fit.l0)),
        "absorption": planted_absorption(kind, settings.seeds[0], min(settings.steps, 400)),
    }  # fmt: skip


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
