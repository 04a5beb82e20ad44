"""Beats of a performance, so that bars mean something where a file writes none.

Ellis (2007), "Beat tracking by dynamic programming": the beats that best join strong onsets to a steady period, which
is where the onsets' autocorrelation, weighted towards 110 beats per minute, is largest. Bars of four beats begin where
basses and accents fall. Nothing here knows the true metre: a waltz is cut into fours too.
"""

from typing import Final

import numpy as np
import symusic
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RATE: Final = 100
"""Frames per second."""
BEATS_PER_BAR: Final = 4
_PERIODS = (0.3, 1.2)
_USUAL, _OCTAVES = 60 / 110, 0.9
_TIGHTNESS = 100.0
_QUARTER = 480
_MIDDLE = 60


def onset_strength(second: Floats, velocity: Floats) -> Floats:
    """Onsets as a smooth envelope at `RATE`."""
    frames = np.zeros(int(np.ceil(second.max(initial=0) * RATE)) + RATE)
    np.add.at(frames, np.round(second * RATE).astype(np.int64), velocity)
    bell = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)
    smooth = np.convolve(np.sqrt(frames), bell, mode="same")
    return smooth / max(float(smooth.std()), 1e-9)


def beat_period(strength: Floats) -> float:
    """Frames from beat to beat."""
    centred = strength - strength.mean()
    spectrum = np.fft.rfft(centred, 2 * len(centred))
    alike = np.fft.irfft(np.abs(spectrum) ** 2)[: len(centred)]
    lags = np.arange(int(_PERIODS[0] * RATE), min(int(_PERIODS[1] * RATE), len(centred) - 1))
    weight = np.exp(-0.5 * (np.log2(lags / RATE / _USUAL) / _OCTAVES) ** 2)
    return float(lags[int((alike[lags] * weight).argmax())]) if len(lags) else _USUAL * RATE


def track_beats(second: Floats, velocity: Floats) -> Floats:
    """Seconds of the beats of notes that begin at ``second``, covering all of them."""
    strength = onset_strength(second, velocity)
    period = beat_period(strength)
    back = np.arange(-round(2 * period), -round(period / 2) + 1)
    cost = -_TIGHTNESS * np.log(-back / period) ** 2
    best, origin = strength.copy(), np.full(len(strength), -1)
    for frame in range(-int(back[-1]), len(strength)):
        reachable = back + frame >= 0
        scores = best[frame + back[reachable]] + cost[reachable]
        k = int(scores.argmax())
        if scores[k] > 0:
            best[frame] = strength[frame] + scores[k]
            origin[frame] = frame + back[reachable][k]
    tail = np.arange(max(0, len(best) - round(2 * period)), len(best))
    path = [int(tail[int(best[tail].argmax())])]
    while origin[path[-1]] >= 0:
        path.append(int(origin[path[-1]]))
    beats = np.array(path[::-1], np.float64) / RATE
    step = period / RATE
    lead = np.arange(beats[0] - step, second.min() - step, -step)[::-1]
    rest = np.arange(beats[-1] + step, second.max() + 2 * step, step)
    return np.concatenate([lead, beats, rest])


def rebarred(score: symusic.Score) -> "tuple[symusic.Score, float]":
    """The same performance on ticks that follow its beats: 480 to the quarter, in 4/4, with a tempo for every beat.

    Also gives the second of the performance at which the new score begins: that of a downbeat, 0 or before.
    """
    timed = score.to("second")
    tracks = [(t, t.notes.numpy()) for t in timed.tracks if len(t.notes)]
    heard = [n for t, n in tracks if not t.is_drum] or [n for _, n in tracks]
    second = np.concatenate([n["time"] for n in heard]).astype(np.float64)
    velocity = np.concatenate([n["velocity"] for n in heard]).astype(np.float64)
    pitch = np.concatenate([n["pitch"] for n in heard]).astype(np.float64)
    beats = track_beats(second, velocity)
    while beats[0] > 0:
        beats = np.concatenate([[beats[0] - (beats[1] - beats[0])], beats])
    nearest = np.abs(second[:, None] - beats[None, :]).argmin(1) if len(second) * len(beats) < 5e7 else None
    first = 0
    if nearest is not None:
        weight = velocity * (1 + np.maximum(_MIDDLE - pitch, 0) / 12) * (np.abs(second - beats[nearest]) < 0.07)
        first = int(np.bincount(nearest % BEATS_PER_BAR, weight, minlength=BEATS_PER_BAR).argmax())
    step = beats[1] - beats[0]
    beats = np.concatenate([beats[0] - step * np.arange((BEATS_PER_BAR - first) % BEATS_PER_BAR, 0, -1), beats])
    place = np.arange(len(beats)) * _QUARTER
    result = symusic.Score(_QUARTER)
    result.time_signatures.append(symusic.TimeSignature(0, BEATS_PER_BAR, 4))
    for tick, length in zip(place.tolist(), np.diff(beats).tolist(), strict=False):
        result.tempos.append(symusic.Tempo(tick, float(np.clip(60 / max(length, 1e-3), 4, 2000))))
    for track, notes in tracks:
        onset = np.interp(notes["time"].astype(np.float64), beats, place)
        end = np.interp(notes["time"].astype(np.float64) + notes["duration"], beats, place)
        begin = np.maximum(np.round(onset), 0).astype(np.int32)
        length = np.maximum(np.round(end).astype(np.int32) - begin, 1).astype(np.int32)
        new = symusic.Track(name=track.name, program=track.program, is_drum=track.is_drum)
        new.notes = symusic.Note.from_numpy(begin, length, notes["pitch"], notes["velocity"])
        result.tracks.append(new)
    return result, float(beats[0])
