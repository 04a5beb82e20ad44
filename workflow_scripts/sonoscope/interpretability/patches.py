"""The table of activation patching between opposite texts, on tokens of rendered pieces."""

import logging
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.directions.baselines import DifferenceInMeans
from sonoscope.interpretability.layers import CaptureError
from sonoscope.interpretability.patching import (
    Metric,
    attribution_patching,
    mean_ablation,
    patch_direction,
    patch_heads,
    patch_layers,
    text_metric,
)
from sonoscope.musicgen.delayed import DelayedMusicGen
from sonoscope.musicgen.interface import MusicGen
from sonoscope.settings.interpretability import Patching
from sonoscope.statistics import bootstrap_interval

log = logging.getLogger(__name__)

Floats = NDArray[np.float64]

PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "valence": (("a happy piece", "a sad piece"), ("a tender piece", "a gloomy piece")),
    "arousal": (("an energetic piece", "a calm piece"), ("a tense piece", "a calm piece"),
                ("an angry piece", "a calm piece")),
}  # fmt: skip
"""Texts, high and low; the first pair of one length in tokens is taken, since patching needs equal positions."""


def patch_table(
    model: MusicGen, pieces: pd.DataFrame, null: NDArray[np.float32], tokens: NDArray[np.int16], settings: Patching,
    rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """All effects; see `sonoscope.contracts.interpretability.PATCHES`.

    The direction of valence or arousal comes from null-text replays of the pieces that are not patched, so that neither
    the word nor the patched pieces took part in it.

    Parameters
    ----------
    null
        Mean states of all pieces under null text, ``(n, L, D)``.
    tokens
        Of all pieces, ``(n, K, T)``.
    """
    if not isinstance(model, DelayedMusicGen):
        raise CaptureError(f"patching: expected a MusicGen with a delay pattern, found {type(model).__name__}")
    some = min(settings.clips, len(tokens))
    codes = torch.from_numpy(tokens[:some].astype(np.int64))
    rows: list[dict[str, Any]] = []
    for target, candidates in PAIRS.items():
        pair = next((p for p in candidates if len(model.text_groups(p)) == 1), None)
        if pair is None:
            log.warning("patching: no two texts of %s have one length in tokens; left out", target)
            continue
        clean, corrupted = [pair[0]] * some, [pair[1]] * some
        metric = text_metric(model.logits(codes, clean), model.logits(codes, corrupted))
        texts = " / ".join(pair)
        found = patch_layers(model, codes, clean, corrupted, metric)
        found["attribution"] = attribution_patching(model, codes, clean, corrupted, metric)
        for measure, effects in found.items():
            rows += _by_layer(texts, "layer", measure, effects, rng)
        for kind in settings.heads:
            effects = patch_heads(model, codes, clean, corrupted, metric, kind)  # [B, L, H]
            for head in range(effects.shape[2]):
                rows += _by_layer(texts, f"{kind}_head", "denoising", effects[:, :, head], rng, head)
        rows += _direction_rows(
            model,
            codes,
            (clean, corrupted),
            metric,
            texts,
            null[some:],
            pieces[target].to_numpy()[some:],
            settings,
            rng,
        )
    log.info("mean ablation")
    for part, losses in mean_ablation(model, codes, ["music"] * some).items():
        rows += _by_layer("music", part, "ablation", losses, rng)
    return pd.DataFrame(rows)


def _direction_rows(
    model: DelayedMusicGen, codes: torch.Tensor, texts: tuple[list[str], list[str]], metric: Metric, name: str,
    null: NDArray[np.float32], wanted: Floats, settings: Patching, rng: np.random.Generator,
) -> list[dict[str, Any]]:  # fmt: skip
    """Exchange of the projection on the heard direction, at the middle layer, beside random directions."""
    layer = model.num_layers // 2
    states = torch.from_numpy(null[:, layer])
    fitted = DifferenceInMeans(folds=0).fit(states, torch.from_numpy(np.asarray(wanted, dtype=np.float32)))
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    random = torch.randn(settings.random, model.dim, generator=generator)
    directions = torch.cat([fitted.direction_[None], random])
    rows: list[dict[str, Any]] = []
    for measure, effects in patch_direction(model, codes, *texts, metric, layer, directions).items():
        null_means = np.abs(np.nanmean(effects[:, 1:].cpu().double().numpy(), axis=0))
        own = _row(name, "direction", measure, layer, -1, effects[:, 0], rng)
        rows += [{**row, "null": float(np.quantile(null_means, 0.95))} for row in own]
    return rows


def _by_layer(
    texts: str, site: str, measure: str, effects: torch.Tensor, rng: np.random.Generator, head: int = -1
) -> list[dict[str, Any]]:
    return [row for k in range(effects.shape[1]) for row in _row(texts, site, measure, k, head, effects[:, k], rng)]


def _row(
    texts: str, site: str, measure: str, layer: int, head: int, effects: torch.Tensor, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """One row with its interval over pieces; none where fewer than two pieces have a defined effect."""
    values = effects.detach().cpu().double().numpy()
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return []
    found = bootstrap_interval(lambda w: np.asarray(w @ values / w.sum(1)), len(values), rng, resamples=500)
    return [
        {
            "texts": texts, "site": site, "measure": measure, "layer": layer, "head": head, "n": len(values),
            "value": found.estimate, "low": found.low, "high": found.high, "null": np.nan,
        }
    ]  # fmt: skip
