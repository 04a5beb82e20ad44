"""Directions and corpora by what they are, from the files that a rule names."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.contracts.world import CLIPS, HIDDEN_STATES
from sonoscope.directions.files import Directions, load_directions
from sonoscope.musicgen.interface import MusicGen
from sonoscope.steering.plan import Key
from sonoscope.symbolic.syntheory import LABEL


def load_found(files: Sequence[Path], model: MusicGen | None = None) -> dict[Key, dict[str, Directions]]:
    """Directions by concept, target and pooling, refused if they were fitted to another model than ``model``."""
    found: dict[Key, dict[str, Directions]] = {}
    for file in files:
        one = (
            load_directions(file)
            if model is None
            else load_directions(
                file, model=model.name, revision=model.revision, num_layers=model.num_layers, dim=model.dim
            )
        )
        origin = next(iter(one.values())).origin
        found[origin.concept, origin.target, origin.pooling] = one
    return found


def corpora_at_layer(
    corpora: Sequence[Path], hidden_states: Sequence[Path], layer: int
) -> dict[str, tuple[pd.DataFrame, NDArray[np.float32]]]:
    """Clips of each concept with their mean states at one layer."""
    found = {}
    for clips, states in zip(corpora, hidden_states, strict=True):
        arrays, header = HIDDEN_STATES.read(states)
        layers = [int(one) for one in header["layers"].split()]
        table = CLIPS.read(clips)
        concept = next(c for c, column in LABEL.items() if column in table.columns and states.parent.name.endswith(c))
        found[concept] = (table, arrays["mean"][:, layers.index(layer)])
    return found
