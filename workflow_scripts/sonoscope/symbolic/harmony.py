"""Harmony in scale steps: mode and key enter only when steps become pitches.

A step counts scale degrees from the tonic: 0 the tonic, 2 the third, 7 the tonic an octave higher, -3 the fifth below.
Voices are led in steps, so that the same piece can be sounded in either mode and any key.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sonoscope.symbolic.causes import Causes, Mode
from sonoscope.symbolic.syntheory import MODES as CHURCH_MODES

Steps = NDArray[np.int64]

SEMITONES: dict[Mode, NDArray[np.int64]] = {
    "major": np.array(CHURCH_MODES["ionian"]),
    "minor": np.array(CHURCH_MODES["aeolian"]),
}
LEADING_TONE = 6
"""Scale degree (0-based) that minor raises in chords on the fifth degree."""
DOMINANT = 4
"""Scale degree (0-based) of the dominant."""

_CENTRE = 1.5
"""Mean step around which chords are voiced."""


def tonic_pitch(key: int) -> int:
    """MIDI pitch of the tonic, F#3 (54) to F4 (65)."""
    return 60 + (key + 6) % 12 - 6


def chord_roots(progression: str, bars: int) -> Steps:
    """Root of each bar's chord as a 0-based scale degree, shape (bars,): the template repeated, then the tonic."""
    degrees = np.array([int(d) - 1 for d in progression])
    roots: Steps = np.resize(degrees, bars)
    roots[-1] = 0
    return roots


def pitches(steps: Steps, roots: Steps, causes: Causes) -> NDArray[np.int64]:
    """MIDI pitches of steps.

    Parameters
    ----------
    steps : ndarray of int, shape (n,)
    roots : ndarray of int, shape (n,)
        Root of the chord that sounds with each step: over a dominant, minor raises the leading tone.
    causes : Causes
        Gives mode, key and register.
    """
    octave, degree = np.divmod(steps, 7)
    raised = (causes.mode == "minor") & (degree == LEADING_TONE) & (roots == DOMINANT)
    pitch = tonic_pitch(causes.key) + causes.register + 12 * octave + SEMITONES[causes.mode][degree] + raised
    return np.asarray(pitch, np.int64)


@lru_cache(maxsize=4096)
def _led(roots: tuple[int, ...], first: int) -> Steps:
    voicing = _close_position(roots[0], first)
    chords = [voicing]
    for root in roots[1:]:
        options = np.stack([_close_position(root, inversion) for inversion in range(3)])
        cost = np.abs(options - voicing).sum(axis=1) + 0.5 * np.abs(options.mean(axis=1) - _CENTRE)
        voicing = options[int(cost.argmin())]
        chords.append(voicing)
    led: Steps = np.stack(chords)
    led.setflags(write=False)
    return led


def _close_position(root: int, inversion: int) -> Steps:
    """Triad in close position, in the octave whose mean is nearest to the centre."""
    triad = np.sort(root + np.array([0, 2, 4]) + 7 * (np.arange(3) < inversion))
    octave = np.round((_CENTRE - triad.mean()) / 7).astype(np.int64)
    return np.asarray(triad + 7 * octave, np.int64)


def voicings(roots: Steps, first: int) -> Steps:
    """Close triads led with the least motion, shape (bars, 3), low to high.

    ``first`` is the inversion (0, 1 or 2) of the first chord.
    """
    return _led(tuple(roots.tolist()), first)


def bass_roots(roots: Steps) -> Steps:
    """Root of each chord in the bass, steps -11 to -5."""
    return np.where(roots <= 2, roots - 7, roots - 14)


def nearest_chord_tone(target: NDArray[np.float64], roots: Steps) -> Steps:
    """Find the chord tone nearest to each wanted step; ``target`` and ``roots`` have the same shape."""
    tones = roots[..., None] + np.array([0, 2, 4])
    folded = tones + 7 * np.round((target[..., None] - tones) / 7).astype(np.int64)
    best = np.abs(folded - target[..., None]).argmin(axis=-1)
    nearest: Steps = np.take_along_axis(folded, best[..., None], axis=-1)[..., 0]
    return nearest
