"""Scores of all manners: on the grid, in triplets, swung, played, crowded, sparse, in odd resolutions."""

import numpy as np
import symusic

METRES = [(4, 4), (2, 4), (3, 4), (2, 2), (3, 8), (6, 8)]
RESOLUTIONS = [96, 120, 192, 220, 384, 480, 960, 1024]


def random_score(seed: int) -> symusic.Score:
    """A score of one to three tracks, of a manner that ``seed`` decides."""
    rng = np.random.default_rng(seed)
    resolution = int(rng.choice(RESOLUTIONS))
    score = symusic.Score(resolution)
    if rng.random() < 0.9:
        score.time_signatures.append(symusic.TimeSignature(0, *METRES[rng.integers(6)]))
    for _ in range(rng.integers(1, 4)):
        score.tracks.append(_track(rng, resolution))
    return score


def _track(rng: np.random.Generator, resolution: int) -> symusic.Track:
    count = int(rng.integers(1, 60))
    quarters = np.sort(rng.random(count)) * rng.choice([2, 8, 24]) + rng.choice([0, 0, 7.5])
    manner = rng.choice(["straight", "triplet", "both", "played", "jittered", "chords"])
    grid = {"straight": 4, "triplet": 6, "both": int(rng.choice([4, 6, 3, 12]))}.get(manner, 6)
    if manner != "played":
        quarters = np.round(quarters * grid) / grid
    if manner == "chords":
        quarters = np.repeat(quarters, 3)[:count]
    onset = quarters * resolution
    if manner == "jittered":
        onset = onset + rng.normal(0, resolution / 40, count)
    onset = np.maximum(0, np.round(onset)).astype(np.int32)
    length = rng.choice([0.02, 1 / 6, 1 / 4, 1 / 3, 0.5, 2 / 3, 1, 1.4, 2, 3.9, 9], count) * resolution
    length = np.round(length * rng.choice([1, 0.9], count)).astype(np.int32)
    pitch = rng.integers(21, 109, count) if rng.random() < 0.5 else rng.integers(55, 64, count)
    track = symusic.Track()
    track.notes = symusic.Note.from_numpy(onset, length, pitch.astype(np.int8), np.full(count, 64, np.int8))
    return track


def raw_notes(score: symusic.Score) -> list[tuple[int, int, int]]:
    """First tick, last tick and pitch of all notes, track by track."""
    return [(n.time, n.time + n.duration, n.pitch) for t in score.tracks for n in t.notes]


def metre(score: symusic.Score) -> tuple[int, int]:
    """The first time signature; 4/4 without one."""
    s = score.time_signatures
    return (s[0].numerator, s[0].denominator) if len(s) else (4, 4)
