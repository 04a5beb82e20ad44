"""Does one readout serve words, cues and sound? Readings of each kind of clip by readouts of the others."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.statistics.bootstrap import bootstrap_interval
from sonoscope.statistics.correlation import weighted_pearson
from sonoscope.statistics.splits import grouped_folds

Floats = NDArray[np.float64]

WORDS, CUE_WORDS, MUSIC = "emotion words", "cue words", "rendered music"


@dataclass(frozen=True)
class Kind:
    """Clips of one kind."""

    states: Floats
    """``(n, dim)`` at one layer."""
    wanted: Floats
    """Valence or arousal that was asked for, or that the causes express, ``(n,)``."""
    groups: NDArray[Any]
    """Templates of generated clips, pieces otherwise: no group stands on both sides of a split."""
    units: NDArray[Any]
    """What intervals resample: prompts, or pieces."""


def cross_table(
    pieces: pd.DataFrame, heard: NDArray[np.float32], clips: pd.DataFrame, made: dict[str, NDArray[np.float32]],
    layers: dict[str, int], resamples: int, rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """Correlations for every pair of kinds; see `sonoscope.contracts.interpretability.CROSS`.

    Within a kind, templates (or pieces) are held out; between kinds the direction comes from all of the first. Emotion
    words and cue words share no template, so that a direction of one knows none of the other's words.

    Parameters
    ----------
    heard
        States of null-text replays ``(pieces, L, dim)``.
    made
        States of generated clips by row of guidance, ``cond`` and ``null``.
    layers
        Layer for valence and for arousal.
    """
    rows: list[dict[str, Any]] = []
    for target, layer in layers.items():
        for row in ("cond", "null"):
            kinds = _kinds(pieces, heard, clips, made[row], target, layer)
            for first, a in kinds.items():
                for second, b in kinds.items():
                    if first == second == MUSIC and row == "null":
                        continue  # rendered music has no conditional row: once is enough
                    read = _within(a, rng) if first == second else direction_reading(a.states, a.wanted, b.states)
                    if np.ptp(read) == 0:
                        continue
                    found = bootstrap_interval(
                        weighted_pearson(read, b.wanted), len(read), rng, groups=b.units, resamples=resamples
                    )
                    rows.append(
                        {
                            "target": target, "trained_on": first, "tested_on": second, "row": row, "layer": layer,
                            "n": len(read), "correlation": found.estimate, "low": found.low, "high": found.high,
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


def _kinds(
    pieces: pd.DataFrame, heard: NDArray[np.float32], clips: pd.DataFrame, made: NDArray[np.float32], target: str,
    layer: int,
) -> dict[str, Kind]:  # fmt: skip
    named = clips["template_id"].str.startswith("emotion").to_numpy()
    found = {
        name: Kind(
            made[side, layer].astype(np.float64), clips[target].to_numpy(np.float64)[side],
            clips["template_id"].to_numpy()[side], clips["prompt_id"].to_numpy()[side],
        )
        for name, side in ((WORDS, named), (CUE_WORDS, ~named))
        if len(set(clips["template_id"][side])) > 1
    }  # fmt: skip
    piece = pieces["group"].to_numpy()
    return found | {MUSIC: Kind(heard[:, layer].astype(np.float64), pieces[target].to_numpy(np.float64), piece, piece)}


def direction_reading(train: Floats, wanted: Floats, test: Floats) -> Floats:
    """Readings ``(tests,)`` along the direction of covariance of states ``(n, dim)`` with a target.

    It is the difference of means where the target is a class: the direction that steering pushes along. A regression
    would weigh dimensions by how little they vary in the clips that it knows, and so misread clips of another kind, in
    which they vary more. Readings are calibrated on the clips that were learned from.
    """
    mean, centre = train.mean(0), wanted.mean()
    direction = (train - mean).T @ (wanted - centre)
    slope = ((train - mean) @ direction) @ (wanted - centre) / max(float(((wanted - centre) ** 2).sum()), 1e-24)
    return np.asarray(centre + (test - mean) @ direction / max(float(slope), 1e-24), dtype=np.float64)


def _within(kind: Kind, rng: np.random.Generator) -> Floats:
    """Out-of-fold readings; whole groups are held out."""
    read = np.empty(len(kind.wanted))
    for train, test in grouped_folds(len(read), min(5, len(set(kind.groups.tolist()))), rng, kind.groups):
        read[test] = direction_reading(kind.states[train], kind.wanted[train], kind.states[test])
    return read
