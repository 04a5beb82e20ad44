"""The measured truth as arrays; imports no model, so that judging takes seconds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.attribution.evaluation import PairTruth

Floats = NDArray[np.float64]


def by_subset(truth: pd.DataFrame, asked: Sequence[str], songs: Sequence[str]) -> tuple[NDArray[np.bool_], Floats]:
    """Membership ``(subsets, songs)`` and values ``(queries, subsets, seeds)`` of the random subsets."""
    rows = truth[truth["set"].str.startswith("subset-") & truth.query_id.isin(asked)]
    names = sorted(rows["set"].unique())
    members = {str(s): set(v) for s, v in rows.drop_duplicates("set")[["set", "songs"]].itertuples(index=False)}
    table = np.array([[song in members[name] for song in songs] for name in names], dtype=bool)
    cube = rows.pivot_table(index="query_id", columns=["set", "seed"], values="value")
    seeds = sorted(rows.seed.unique())
    values = [[cube[name, seed].loc[list(asked)].to_numpy() for seed in seeds] for name in names]
    return table.reshape(len(names), len(songs)), np.asarray(values, dtype=np.float64).transpose(2, 0, 1)


def of_pair(truth: pd.DataFrame, number: int, asked: Sequence[str]) -> PairTruth:
    """Values of the four sets of a pair, mean over trainings."""

    def mean(letters: str) -> Floats:
        rows = truth[truth["set"] == f"pair-{number}-{letters}"]
        values: Floats = rows.groupby("query_id").value.mean().loc[list(asked)].to_numpy(np.float64)
        return values

    return PairTruth(mean("none"), mean("a"), mean("b"), mean("ab"))
