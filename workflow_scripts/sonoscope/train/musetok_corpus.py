"""The scores that `sonoscope-musetok` learns from: real ones, and composed pieces, each with its split."""

import re

import numpy as np
import pandas as pd

from sonoscope.corpora.engraved import read_engraved
from sonoscope.corpora.skipped import Skipped
from sonoscope.settings.musetok import Scores
from sonoscope.statistics.splits import grouped_split
from sonoscope.symbolic.pieces import piece_table

_BARS = 8


def training_scores(s: Scores, seed: int) -> tuple[pd.DataFrame, list[Skipped]]:
    """Scores as `sonoscope.contracts.musetok.SCORES` declares, and what was left out."""
    skipped: list[Skipped] = []
    rows: list[tuple[str, str, str, bytes]] = []
    if s.composer is not None:
        for name, score in read_engraved(s.composer, skipped, s.most):
            rows.append((name, "real", work_of(name), score.dumps_midi()))
    if s.pieces:
        table = piece_table(s.pieces, seed, bars=_BARS)
        rows += [
            (str(i), "composed", str(g), m)
            for i, g, m in zip(table["piece_id"], table["split_group"], table["midi"], strict=True)
        ]
    frame = pd.DataFrame(rows, columns=["piece_id", "source", "split_group", "midi"])
    shares = (1 - s.held_out, 0.0, s.held_out)
    split = grouped_split(len(frame), np.random.default_rng([seed, 1]), frame["split_group"], frame["source"], shares)
    frame["split"] = "train"
    frame.loc[split.test, "split"] = "held_out"
    return frame, skipped


def work_of(name: str) -> str:
    """What movements of one work share: the path through the first number, ``bach/bwv248`` of ``bach/bwv248.5.mxl``."""
    found = re.match(r"\D*\d+", name)
    return found.group() if found else name
