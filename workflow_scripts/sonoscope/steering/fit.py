"""From hidden states of a corpus to one direction per estimator and layer."""

import hashlib
import logging
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.directions.files import Directions, Origin
from sonoscope.directions.registry import fit_layers
from sonoscope.directions.search import SearchSpace
from sonoscope.errors import SonoscopeError
from sonoscope.settings.steering import Steering
from sonoscope.symbolic.syntheory import LABEL

log = logging.getLogger(__name__)


class ConceptError(SonoscopeError, ValueError):
    """A concept or target that the corpus does not have."""


def balanced_rows(labels: NDArray[np.str_], target: str, usable: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """Rows with the target, and as many without it, drawn evenly over the other values. Sorted.

    Raises
    ------
    ConceptError
        No usable row has the target, or none lacks it.
    """
    rng = np.random.default_rng([seed, 11])
    positive = np.flatnonzero((labels == target) & usable)
    others = sorted(set(labels[usable]) - {target})
    if not positive.size or not others:
        known = ", ".join(sorted(set(labels)))
        raise ConceptError(f"steering target {target!r}: expected one of the corpus's values, {known}")
    share, extra = divmod(positive.size, len(others))
    negative: list[int] = []
    for k, value in enumerate(rng.permutation(others)):
        rows = np.flatnonzero((labels == value) & usable)
        negative += rng.permutation(rows)[: share + (k < extra)].tolist()
    return np.sort(np.concatenate([positive, np.array(negative, dtype=np.int64)]))


def fit_directions(
    clips: pd.DataFrame,
    states: NDArray[np.float32],
    header: Mapping[str, str],
    concept: str,
    target: str,
    s: Steering,
    left_out: Collection[str] = (),
) -> list[Directions]:
    """Directions that tell clips with ``target`` from others, one `Directions` per estimator of the settings.

    Parameters
    ----------
    clips : DataFrame
        The corpus, as `sonoscope.contracts.world.CLIPS` declares.
    states : ndarray, shape (clips, layers, dim)
        Pooled hidden states in the order of ``clips``.
    header : mapping
        Of the file of hidden states.
    concept, target : str
        Such as notes and C.
    s : Steering
    left_out : collection of str
        Ids of clips that could not be read, whose states mean nothing. Silent clips are left out too.
    """
    labels = clips[LABEL[concept]].astype(str).to_numpy(dtype=np.str_)
    useless = clips["is_silent"] | clips["clip_id"].isin(list(left_out))
    rows = balanced_rows(labels, target, ~useless.to_numpy(dtype=np.bool_), s.fit_seed)
    layers = tuple(int(layer) for layer in header["layers"].split())
    chosen = tuple(s.layers.layers) if s.layers.layers is not None else layers
    missing = [layer for layer in chosen if layer not in layers]
    if missing:
        raise ConceptError(f"steering.layers: {header['model']} has layers 0 to {max(layers)}, got {missing[0]}")
    x = torch.from_numpy(states[rows][:, [layers.index(layer) for layer in chosen]])
    y = torch.from_numpy((labels[rows] == target).astype(np.int64))
    group_names, groups = np.unique(clips["split_group"].to_numpy(dtype=np.str_)[rows], return_inverse=True)
    digest = hashlib.sha256(x.numpy().tobytes() + y.numpy().tobytes()).hexdigest()[:16]
    split = {
        "grouped_by": "split_group", "groups": len(group_names), "clips": len(rows), "positives": int(y.sum()),
        "folds": s.folds,
    }  # fmt: skip
    origin = Origin(
        header["model"], header["revision"], chosen, x.shape[-1], s.pooling, concept, target, digest, split, s.fit_seed
    )
    log.info("%s = %s: %d clips in %d groups, %d layers", concept, target, len(rows), len(group_names), len(chosen))
    out: list[Directions] = []
    for name in s.estimators:
        more = _hyperparameters(name, s)
        fitted = fit_layers(x, y, torch.from_numpy(groups), estimator=name, layers=chosen, **more)
        out.append(Directions.from_fitted(name, origin, fitted))
    return out


def _hyperparameters(name: str, s: Steering) -> dict[str, Any]:
    common: dict[str, Any] = {
        "folds": s.folds, "seed": s.fit_seed, "resamples": s.resamples, "dtype": getattr(torch, s.precision),
    }  # fmt: skip
    if name not in ("rfm", "shuffled_rfm"):
        return common
    space = SearchSpace(bandwidth=s.rfm.bandwidth, exponent=s.rfm.exponent, penalty=s.rfm.penalty)
    return common | {
        "space": space,
        "iterations": s.rfm.iterations,
        "search_points": s.rfm.search_points,
        "inner_folds": s.inner_folds,
        "criterion": s.rfm.criterion,
        "normalisation": s.rfm.normalisation,
        "n_components": s.rfm.components,
    }
