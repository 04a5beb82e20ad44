"""Which songs are trained on, which are decoys, and the sets whose fine-tunes are compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sonoscope.attribution.errors import AttributionError
from sonoscope.settings.attribution import Attribution, FineTune


@dataclass(frozen=True)
class Choice:
    """The songs of a study by their ids."""

    trained: list[str]
    decoys: list[str]
    """Songs of the same artists that are never trained on."""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Neighbours of different artists: first and second song, third and fourth, and so on."""
        return list(zip(self.trained[::2], self.trained[1::2], strict=False))


def choose(table: pd.DataFrame, settings: Attribution) -> Choice:
    """Songs of a table (`sonoscope.contracts.corpora.SONGS`): artists in turn, the last song of each kept as a decoy.

    Raises
    ------
    AttributionError
        Fewer than two songs are left to train on.
    """
    turns: list[tuple[int, str, str]] = []
    decoys: list[str] = []
    for artist, songs in table.sort_values("song_id").groupby("split_group", sort=True):
        ids = [str(s) for s in songs.song_id]
        if len(ids) > 1 and settings.decoys:
            decoys.append(ids.pop())
        turns += [(turn, str(artist), song) for turn, song in enumerate(ids)]
    trained = [song for _, _, song in sorted(turns)][: settings.songs]
    if len(trained) < 2:
        raise AttributionError(f"songs: expected at least 2 to train on, found {len(trained)} of {len(table)}")
    return Choice(trained, decoys[: settings.decoys])


@dataclass(frozen=True)
class Variant:
    """One fine-tune: a set of songs and a seed."""

    part: str
    """songs, pairs or subsets."""
    set: str
    """Name of the set, such as subset-03 or pair-0-ab."""
    songs: tuple[str, ...]
    seed: int
    """Number of the training, from 0; it is joined with the seed of the run."""
    recipe: FineTune
    export: bool = False
    """Whether it is also written in audiocraft's layout."""

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.set}-seed{self.seed}"


FULL = "all"
"""Name of the set of all trained songs."""


def variants(choice: Choice, settings: Attribution, seed: int) -> list[Variant]:
    """Every fine-tune of the study."""
    c = settings.counterfactuals
    out = [Variant("songs", FULL, tuple(choice.trained), 0, settings.finetune, export=True)]
    for number, (a, b) in enumerate(choice.pairs[: c.pairs]):
        for k in range(c.pair_seeds):
            for letters, songs in (("none", ()), ("a", (a,)), ("b", (b,)), ("ab", (a, b))):
                if songs or k == 0:  # nothing is drawn where nothing is trained
                    chosen = Variant(
                        "pairs", f"pair-{number}-{letters}", songs, k, settings.finetune_pair, songs == (a, b)
                    )
                    out.append(chosen)
    last = settings.finetune.model_copy(update={"checkpoints": [1.0]})
    for number, members in enumerate(subsets(choice.trained, c.subsets, c.share, seed)):
        out += [Variant("subsets", f"subset-{number:03d}", members, k, last) for k in range(c.subset_seeds)]
    return out


def subsets(songs: Sequence[str], count: int, share: float, seed: int) -> list[tuple[str, ...]]:
    """Random subsets of ``share`` of the songs; subset k depends on the seed and k alone."""
    size = min(len(songs) - 1, max(1, round(share * len(songs))))
    out = []
    for k in range(count):
        drawn = np.random.default_rng([seed, 7, k]).choice(len(songs), size, replace=False)
        out.append(tuple(songs[i] for i in sorted(drawn)))
    return out
