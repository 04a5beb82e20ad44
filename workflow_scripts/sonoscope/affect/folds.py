"""Which songs are learned from, looked at and predicted: the one place where annotated songs are divided."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sonoscope.affect.dataset import Clip
from sonoscope.errors import SonoscopeError
from sonoscope.settings.affect import TrainAffect
from sonoscope.statistics import grouped_folds, grouped_split


class Fold(NamedTuple):
    """Clips by their place; no song stands on two sides."""

    train: list[int]
    validation: list[int]
    test: list[int]


class LeakError(SonoscopeError, ValueError):
    """A song stands on two sides of a split."""


def folds_of(clips: Sequence[Clip], settings: TrainAffect, seed: int) -> list[Fold]:
    """The official split as one fold where there is one, else folds by song in which every clip is tested once.

    Raises
    ------
    LeakError
        The official split divides a song.
    """
    places = {s: [k for k, c in enumerate(clips) if c.split == s] for s in ("train", "val", "test")}
    if not all(places.values()):
        return divided(clips, settings.folds, settings, seed)
    fold = Fold(places["train"], places["val"], places["test"])
    refuse_leaks(clips, fold)
    return [fold]


def divided(clips: Sequence[Clip], folds: int, settings: TrainAffect, seed: int) -> list[Fold]:
    """Folds by song in which every clip is tested once, whatever split is published."""
    songs = [c.song_id for c in clips]
    level = np.array([float(c.labels[c.known].mean()) if c.known.any() else 0.0 for c in clips])
    half = (level > np.median(level)).astype(np.int64)
    found = []
    for train, test in grouped_folds(
        len(clips), min(folds, len(set(songs))), np.random.default_rng((seed, 0)), songs, half
    ):
        found.append(Fold(*_validation(clips, train.tolist(), settings, seed), test.tolist()))
        refuse_leaks(clips, found[-1])
    return found


def final_fold(clips: Sequence[Clip], settings: TrainAffect, seed: int) -> Fold:
    """What the kept model learns from: the official training songs, or all songs but the validation ones."""
    first = folds_of(clips, settings, seed)[0]
    if all(any(c.split == s for c in clips) for s in ("train", "val", "test")):
        return first
    return Fold(*_validation(clips, list(range(len(clips))), settings, seed), [])


def refuse_leaks(clips: Sequence[Clip], fold: Fold) -> None:
    """Raise `LeakError` if a song stands on two sides."""
    sides = [{clips[k].song_id for k in side} for side in fold]
    shared = (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])
    if shared:
        raise LeakError(f"{len(shared)} songs, such as {min(shared)}, stand on two sides of the split; split by song")


def _validation(clips: Sequence[Clip], rows: list[int], s: TrainAffect, seed: int) -> tuple[list[int], list[int]]:
    songs = [clips[k].song_id for k in rows]
    shares = (1 - s.validation, s.validation, 0.0)
    split = grouped_split(len(rows), np.random.default_rng((seed, 1)), songs, shares=shares)
    return [rows[k] for k in split.train], [rows[k] for k in split.validation]
