"""MuseTok's vocabulary, derived from its musical rules.

The published dictionary is the alphabetical list of all events that its rules can write. Here the same list follows
from the rules: a beat grid of straight and triplet positions, the piano's pitches, twelve durations, twelve metres.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

QUARTER: Final = 480
"""Ticks of a quarter note on MuseTok's time axis."""
STEP: Final = 40
"""Ticks between two values of ``Beat``: a twelfth of a quarter note."""
STRAIGHT: Final = 120
"""Ticks between onsets of the straight grid, sixteenth notes."""
TRIPLET: Final = 80
"""Ticks between onsets of the triplet grid, sixteenth triplets."""

LOWEST_PITCH: Final = 21
HIGHEST_PITCH: Final = 108

STRAIGHT_DURATIONS: Final = (120, 240, 360, 480, 720, 960, 1440, 1920)
TRIPLET_DURATIONS: Final = (80, 160, 320, 640)
DURATIONS: Final = STRAIGHT_DURATIONS + TRIPLET_DURATIONS
"""Durations that have a token, in ticks. Where two are equally near, the one that stands first is taken."""

TRAINED_METRES: Final = ((4, 4), (2, 4), (3, 4), (2, 2), (3, 8), (6, 8))
"""Time signatures on which the published model was trained."""
METRES: Final = (*TRAINED_METRES, (3, 2), (4, 2), (6, 4), (9, 4), (9, 8), (12, 8))
"""Time signatures that have a token."""

_LATE_BEATS = (48, 51, 54, 56, 57, 60, 63, 64, 66, 69, 72, 78, 80, 81, 84, 87, 88, 90, 93, 96, 102)
"""Beats beyond the fourth quarter note that the published training data held; no rule gives them."""


def _names() -> tuple[str, ...]:
    grid = [k for k in range(4 * QUARTER // STEP) if k * STEP % STRAIGHT == 0 or k * STEP % TRIPLET == 0]
    names = ["Bar_None", "EOS_None"]
    names += [f"Beat_{k}" for k in (*grid, *_LATE_BEATS)]
    names += [f"Note_Pitch_{p}" for p in range(LOWEST_PITCH, HIGHEST_PITCH + 1)]
    names += [f"Note_Duration_{d}" for d in DURATIONS]
    names += [f"Time_Signature_{n}/{d}" for n, d in METRES]
    return tuple(sorted(names))


NAMES: Final = _names()
"""Names of all tokens; a token's id is its place."""
IDS: Final = {name: k for k, name in enumerate(NAMES)}
"""Id of every token by name."""

PAD: Final = len(NAMES)
"""Fills the end of shorter bars in a batch."""
SIZE: Final = PAD + 1
"""Number of embeddings: the tokens and the padding."""
BAR: Final = IDS["Bar_None"]
EOS: Final = IDS["EOS_None"]


def _table(prefix: str, length: int, unit: int) -> NDArray[np.int64]:
    table = np.full(length, -1, np.int64)
    for name, k in IDS.items():
        kind, _, value = name.rpartition("_")
        if kind == prefix:
            table[int(value) // unit] = k
    table.setflags(write=False)
    return table


BEATS: Final = _table("Beat", 104, 1)
"""Id of each beat, by onset in steps; -1 where there is no token."""
PITCHES: Final = _table("Note_Pitch", 128, 1)
"""Id of each pitch; -1 where there is no token."""
DURATION_IDS: Final = _table("Note_Duration", 1920 // STEP + 1, STEP)
"""Id of each duration, by steps; -1 where there is no token."""

TYPES: Final = ("bar", "eos", "position", "duration", "pitch", "time_signature")
"""Kinds of tokens."""
_KINDS = {"Bar": 0, "EOS": 1, "Beat": 2, "Note_Duration": 3, "Note_Pitch": 4, "Time_Signature": 5}
TYPE_OF: Final[NDArray[np.int64]] = np.array([_KINDS[name.rpartition("_")[0]] for name in NAMES], np.int64)
"""Kind of every token, as an index into `TYPES`."""


def time_signature(numerator: int, denominator: int) -> int:
    """Id of a time signature; -1 where there is no token."""
    return IDS.get(f"Time_Signature_{numerator}/{denominator}", -1)
