"""Annotated clips in memory: what is known of every bar, its label, and the inputs that a variant asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.affect.encoding import read_clip
from sonoscope.affect.features import HAND, SIDE, TONALITY
from sonoscope.affect.labels import LabelError, label_array
from sonoscope.contracts.tensors import Arrays
from sonoscope.settings.affect import Variant

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clip:
    """One clip or piece; arrays hold one row per bar."""

    clip_id: str
    song_id: str
    split: str
    number: NDArray[np.int64]
    tensors: Arrays
    labels: Floats
    """``(bars, 2)``, NaN where a bar has no label."""
    truth: Floats | None = None
    """What the causes of a composed clip express, in the same form."""

    def __len__(self) -> int:
        return len(self.number)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Bars that have a label."""
        return ~np.isnan(self.labels[:, 0] + self.labels[:, 1])


def load_clips(
    table: pd.DataFrame, folder: Path, labels: Mapping[str, Any], truth: Mapping[str, Any], by_row: bool
) -> tuple[list[Clip], dict[str, str]]:
    """All clips of a table, and the header of their files, which must come from one model.

    Raises
    ------
    LabelError
        A clip has no label, or files come from several models.
    """
    clips: list[Clip] = []
    headers: set[tuple[str, str]] = set()
    for row in table.itertuples(index=False):
        clip_id, split = str(row.clip_id), str(row.split)
        if clip_id not in labels:
            raise LabelError(f"{clip_id}: no label; make the labels of the corpus again")
        arrays, header = read_clip(clip_path(folder, split, clip_id))
        headers.add((header["model"], header["revision"]))
        bars = arrays["file_bar"]
        own = label_array(labels[clip_id], bars, by_row)
        true = label_array(truth[clip_id], bars, False) if clip_id in truth else None
        clips.append(Clip(clip_id, str(row.song_id), split, arrays["bar_number"], arrays, own, true))
    if len(headers) != 1:
        raise LabelError(f"{folder}: expected clips of one model, found {sorted(headers)}; delete the folder")
    model, revision = headers.pop()
    return clips, {"model": model, "revision": revision}


def clip_path(folder: Path, split: str, clip_id: str) -> Path:
    """File of a clip: ``{split}/{clip}.safetensors``; clips without a split stand in ``all``."""
    return folder / (split or "all") / f"{clip_id}.safetensors"


def side_names(variant: Variant) -> tuple[str, ...]:
    """Features that a variant takes beside the latents."""
    if variant.inputs == "latents":
        return ()
    return SIDE if variant.side == "expression" else SIDE + TONALITY


def continuous_inputs(tensors: Mapping[str, NDArray[Any]], variant: Variant) -> NDArray[np.float32]:
    """Continuous inputs of a variant, ``(bars, width)``: latent, then side channel."""
    parts = []
    if variant.inputs != "side" and variant.latent != "codes":
        latent = np.asarray(tensors[variant.latent], np.float32)
        if latent.shape[1] == 0:
            raise LabelError(f"latents called {variant.latent} were not kept; set affect.reading.untrained to true")
        parts.append(latent)
    if names := side_names(variant):
        columns = [HAND.index(name) for name in names]
        parts.append(np.asarray(tensors["features"], np.float32)[:, columns])
    return np.concatenate(parts, axis=1) if parts else np.zeros((len(tensors["features"]), 0), np.float32)


def code_inputs(tensors: Mapping[str, NDArray[Any]], variant: Variant) -> NDArray[np.int64] | None:
    """Codes of a variant that reads them, ``(bars, codebooks)``."""
    if variant.inputs == "side" or variant.latent != "codes":
        return None
    return np.asarray(tensors["codes"], np.int64)


def mean_label(clips: Sequence[Clip]) -> Floats:
    """Mean label of all labelled bars, clips weighing equally."""
    mean: Floats = np.stack([c.labels[c.known].mean(axis=0) for c in clips if c.known.any()]).mean(axis=0)
    return mean
