"""From hidden states of a corpus to one direction per estimator and layer."""

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.contracts.errors import ContractError
from sonoscope.device import device
from sonoscope.directions.erase import rank_one_eraser
from sonoscope.directions.files import Directions, Origin, load_directions, save_directions
from sonoscope.directions.registry import NEED_CLASSES, fit_layers
from sonoscope.directions.search import SearchSpace
from sonoscope.settings.concepts import TEMPO, slug
from sonoscope.settings.directions import Fit
from sonoscope.steering.errors import ConceptError
from sonoscope.symbolic.syntheory import LABEL

log = logging.getLogger(__name__)


def usable_clips(clips: pd.DataFrame, left_out: Collection[str] = ()) -> NDArray[np.bool_]:
    """Which clips could be read and hold sound."""
    useless = clips["is_silent"] | clips["clip_id"].isin(list(left_out))
    return ~useless.to_numpy(dtype=np.bool_)


def values_of(clips: pd.DataFrame, concept: str) -> NDArray[np.str_]:
    """Value of each clip, as settings name it."""
    return np.array([slug(concept, label) for label in clips[LABEL[concept]]], dtype=np.str_)


def balanced_rows(
    labels: NDArray[np.str_], target: str, usable: NDArray[np.bool_], seed: int, most: int | None = None
) -> NDArray[np.int64]:
    """Rows with the target, and as many without it, drawn evenly over the other values, ``most`` in all. Sorted.

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
    if most is not None and positive.size > most // 2:
        positive = rng.permutation(positive)[: most // 2]
    share, extra = divmod(positive.size, len(others))
    negative: list[int] = []
    for k, value in enumerate(rng.permutation(others)):
        rows = np.flatnonzero((labels == value) & usable)
        negative += rng.permutation(rows)[: share + (k < extra)].tolist()
    return np.sort(np.concatenate([positive, np.array(negative, dtype=np.int64)]))


def fitted_to(
    clips: pd.DataFrame, concept: str, target: str, usable: NDArray[np.bool_], s: Fit
) -> tuple[NDArray[np.int64], torch.Tensor]:
    """Rows of the corpus that a direction is fitted to, and their labels: 0 and 1, or beats per minute."""
    if target == TEMPO:
        rows = np.flatnonzero(usable)
        if s.clips is not None and len(rows) > s.clips:
            rows = np.sort(np.random.default_rng([s.seed, 11]).permutation(rows)[: s.clips])
        return rows, torch.from_numpy(clips[LABEL[concept]].to_numpy(dtype=np.float64)[rows])
    values = values_of(clips, concept)
    rows = balanced_rows(values, target, usable, s.seed, s.clips)
    return rows, torch.from_numpy((values[rows] == target).astype(np.int64))


def fit_directions(
    clips: pd.DataFrame,
    states: NDArray[np.float32],
    header: Mapping[str, str],
    concept: str,
    target: str,
    pooling: str,
    s: Fit,
    left_out: Collection[str] = (),
    kept: Path | None = None,
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
        Such as notes and C; for tempos and bpm the label is the number itself.
    pooling : str
        What pooled the states.
    s : Fit
    left_out : collection of str
        Ids of clips that could not be read, whose states mean nothing. Silent clips are left out too.
    kept : Path, optional
        Folder in which finished groups of layers are kept, under a name that changes with anything that changes them;
        a killed job that runs again does not fit them anew.
    """
    rows, y = fitted_to(clips, concept, target, usable_clips(clips, left_out), s)
    layers = tuple(int(layer) for layer in header["layers"].split())
    chosen = layers if s.layers is None else tuple(s.layers)
    missing = [layer for layer in chosen if layer not in layers]
    if missing:
        raise ConceptError(f"steering.fit.layers: {header['model']} has layers 0 to {max(layers)}, got {missing[0]}")
    x = torch.from_numpy(states[rows][:, [layers.index(layer) for layer in chosen]])
    group_names, groups = np.unique(clips["split_group"].to_numpy(dtype=np.str_)[rows], return_inverse=True)
    digest = hashlib.sha256(x.numpy().tobytes() + y.numpy().tobytes()).hexdigest()[:16]
    split: dict[str, Any] = {
        "grouped_by": "split_group", "groups": len(group_names), "clips": len(rows), "folds": s.folds,
    }  # fmt: skip
    if target != TEMPO:
        split["positives"] = int(y.sum())
    origin = Origin(
        header["model"], header["revision"], chosen, x.shape[-1], pooling, concept, target, digest, split, s.seed
    )
    log.info("%s = %s: %d clips in %d groups, %d layers", concept, target, len(rows), len(group_names), len(chosen))
    out: list[Directions] = []
    for name in s.estimators:
        if target == TEMPO and name in NEED_CLASSES:
            log.info("%s needs classes, and %s is a number: left out", name, target)
            continue
        parts = [
            _group(
                x[:, first : first + s.layer_group],
                y,
                groups,
                name,
                chosen[first : first + s.layer_group],
                origin,
                s,
                kept,
            )
            for first in range(0, len(chosen), s.layer_group)
        ]
        out.append(Directions.joined(parts, origin))
    return out


def _group(
    x: torch.Tensor,
    y: torch.Tensor,
    groups: NDArray[np.int64],
    name: str,
    layers: tuple[int, ...],
    origin: Origin,
    s: Fit,
    kept: Path | None,
) -> Directions:
    """Directions of one estimator at a few layers, from the folder of kept ones if they are there."""
    part = replace(origin, layers=layers)
    more = _hyperparameters(name, s)
    key = hashlib.sha256(repr((name, part, sorted(more.items(), key=str))).encode()).hexdigest()[:16]
    file = None if kept is None else kept / f"{key}.safetensors"
    if file is not None and file.exists():
        try:
            return load_directions(file)[name]
        except (ContractError, FileNotFoundError):
            log.warning("%s is damaged and is made anew", file.name)
    if name == "random":
        # another draw for each target and layer, so that two controls of a pair do not point the same way
        own = hashlib.sha256(f"{origin.concept}/{origin.target}".encode()).digest()
        more["draw"] = 1000 * int.from_bytes(own[:3]) + layers[0]
    fitted = fit_layers(x.to(device()), y, torch.from_numpy(groups), estimator=name, layers=layers, **more)
    erasers = [rank_one_eraser(x[:, k], y) for k in range(len(layers))]
    leace = torch.stack([torch.stack([e[f] for e in erasers]) for f in range(2)]).float()
    found = Directions.from_fitted(name, part, fitted, leace)
    if file is not None:
        save_directions(file, [found])
    return found


def _hyperparameters(name: str, s: Fit) -> dict[str, Any]:
    common: dict[str, Any] = {
        "folds": s.folds, "seed": s.seed, "resamples": s.resamples, "dtype": getattr(torch, s.precision),
    }  # fmt: skip
    if name == "sae":
        return common | s.sae.model_dump()
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
