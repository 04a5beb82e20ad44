"""Stretches of one metre, and how MuseTok writes a metre that it was not trained on."""

from functools import cache
from typing import NamedTuple

import numpy as np
import symusic

from sonoscope.musetok.quantise import Ints, bar_length, rescale
from sonoscope.musetok.vocabulary import STEP, TRAINED_METRES

Metre = tuple[int, int]
"""Numerator and denominator."""

DEFAULT_METRE: Metre = (4, 4)
"""What a MIDI file without a time signature means."""
_COMPOUND: tuple[Metre, ...] = ((6, 8), (3, 8))
_HALVES: tuple[Metre, ...] = ((2, 2), (2, 4))
_MOST_PARTS = 8


class Stretch(NamedTuple):
    """A stretch of one metre."""

    start: int
    """First tick of its first bar, in MuseTok's ticks; negative where a pickup stands at the end of a bar."""
    onset: int
    """Notes from here on belong to it: a little before its start, since those snap to it."""
    metre: Metre
    """As the file has it."""


@cache
def written_as(metre: Metre) -> tuple[Metre, int] | None:
    """The trained metre that stands for ``metre``, and how many of its bars make one; None where there is none.

    12/8 is written as two bars of 6/8, 6/4 as two of 3/4, 4/8 as one of 2/4. Metres like 5/4 have no such form.
    """
    if metre in TRAINED_METRES:
        return metre, 1
    numerator, denominator = metre
    kin = _COMPOUND if denominator >= 8 and numerator % 3 == 0 else _HALVES if denominator <= 2 else ()
    length = bar_length(*metre)
    for candidates in (kin, TRAINED_METRES):
        for parts in range(1, _MOST_PARTS + 1):
            for one in candidates:
                if bar_length(*one) * parts == length:
                    return one, parts
    return None


def first_stretch(score: symusic.Score) -> list[Stretch]:
    """The whole piece in its first metre."""
    signatures = score.time_signatures
    metre = (signatures[0].numerator, signatures[0].denominator) if len(signatures) else DEFAULT_METRE
    return [Stretch(0, 0, metre)]


def stretches(score: symusic.Score) -> list[Stretch]:
    """The piece cut at every change of metre.

    A first stretch that is no whole number of bars that MuseTok can write, and shorter than a bar of the next one, is
    how files write a pickup: it becomes the end of that bar.
    """
    changes: dict[int, Metre] = {0: DEFAULT_METRE}
    for s in sorted(score.time_signatures, key=lambda s: int(s.time)):
        changes[int(s.time)] = (int(s.numerator), int(s.denominator))
    times = rescale(np.array(list(changes), np.int64), score.ticks_per_quarter).tolist()
    found: list[Stretch] = []
    for time, metre in zip(times, changes.values(), strict=True):
        if not found or found[-1].metre != metre:
            found.append(Stretch(time, time - STEP + 1 if time else 0, metre))
    if len(found) > 1 and _is_pickup(found[0], found[1]):
        upbeat, following = found[:2]
        found[:2] = [Stretch(following.start - _bar(following.metre), upbeat.onset, following.metre)]
    return found


def _bar(metre: Metre) -> int:
    known = written_as(metre)
    return bar_length(*known[0]) if known else bar_length(*metre)


def _is_pickup(upbeat: Stretch, following: Stretch) -> bool:
    length = following.start - upbeat.start
    known = written_as(upbeat.metre)
    whole = known is not None and length % bar_length(*known[0]) == 0
    return not whole and length < _bar(following.metre) and written_as(following.metre) is not None


def assign(onset: Ints, found: list[Stretch]) -> Ints:
    """The stretch of every onset, as an index."""
    return np.searchsorted([s.onset for s in found], onset, side="right") - 1
