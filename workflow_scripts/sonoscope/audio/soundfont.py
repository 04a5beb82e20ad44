"""Scores to audio through a General-MIDI soundfont, with loudness kept.

The synthesizer is TinySoundFont; the soundfont is TimGM6mb, the one that SynTheory was rendered with, which the
pretty_midi wheel carries. The same score gives the same bytes, and nothing is normalised: a soft piece stays soft.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import symusic
import tinysoundfont
from numpy.typing import NDArray

GAIN_DB = -3.0
"""Gain of every render. Four voices at velocity 110 then peak below full scale."""

_DRUM_CHANNEL = 9


@lru_cache(maxsize=1)
def soundfont() -> bytes:
    """Bytes of the TimGM6mb soundfont.

    Raises
    ------
    FileNotFoundError
        The pretty_midi package, which carries it, is not installed.
    """
    package = find_spec("pretty_midi")
    path = Path(package.origin or "").parent / "TimGM6mb.sf2" if package else None
    if path is None or not path.is_file():
        raise FileNotFoundError("TimGM6mb.sf2 not found: it comes with the pretty_midi package; run `make` to install")
    return path.read_bytes()


def render(score: symusic.Score, sample_rate: int, seconds: float | None = None) -> NDArray[np.float32]:
    """Render a score to mono audio.

    Parameters
    ----------
    score : symusic.Score
        In any time unit.
    sample_rate : int
        In hertz.
    seconds : float, optional
        Exact length; what sounds later is cut, what ends earlier is followed by its release and silence.
        By default the length of the score plus one second of release.

    Returns
    -------
    ndarray of float32, shape (samples,)
        Mean of the two stereo channels, not normalised.
    """
    timed = score.to("second")
    length = seconds if seconds is not None else float(timed.end()) + 1.0
    samples = round(length * sample_rate)
    synth = tinysoundfont.Synth(gain=GAIN_DB, samplerate=sample_rate)
    font = synth.sfload(soundfont())
    events = _events(timed, synth, font, sample_rate)
    blocks: list[NDArray[np.float32]] = []
    now = 0
    for sample, is_on, channel, pitch, velocity in events:
        if sample >= samples:
            break
        if sample > now:
            blocks.append(_generate(synth, sample - now))
            now = sample
        if is_on:
            synth.noteon(channel, pitch, velocity)
        else:
            synth.noteoff(channel, pitch)
    if samples > now:
        blocks.append(_generate(synth, samples - now))
    stereo = np.concatenate(blocks) if blocks else np.zeros((0, 2), np.float32)
    return np.ascontiguousarray(stereo.mean(axis=1, dtype=np.float32))


def _generate(synth: tinysoundfont.Synth, samples: int) -> NDArray[np.float32]:
    return np.frombuffer(bytes(synth.generate(samples)), np.float32).reshape(-1, 2)


def _events(
    score: symusic.Score, synth: tinysoundfont.Synth, font: int, sample_rate: int
) -> list[tuple[int, int, int, int, int]]:
    """Note events as (sample, is_on, channel, pitch, velocity), offs before ons at equal times."""
    melodic = [c for c in range(64) if c != _DRUM_CHANNEL]
    rows: list[NDArray[np.int64]] = []
    for track in score.tracks:
        channel = _DRUM_CHANNEL if track.is_drum else melodic.pop(0)
        synth.program_select(channel, font, 128 if track.is_drum else 0, track.program, track.is_drum)
        for control in track.controls:
            synth.control_change(channel, control.number, control.value)
        notes = track.notes.numpy()
        on = np.round(notes["time"].astype(np.float64) * sample_rate).astype(np.int64)
        off = np.round((notes["time"].astype(np.float64) + notes["duration"]) * sample_rate).astype(np.int64)
        pitch, velocity = notes["pitch"].astype(np.int64), notes["velocity"].astype(np.int64)
        same = np.full_like(on, channel)
        rows.append(np.stack([on, np.ones_like(on), same, pitch, velocity], axis=1))
        rows.append(np.stack([np.maximum(off, on + 1), np.zeros_like(on), same, pitch, velocity], axis=1))
    if not rows:
        return []
    table = np.concatenate(rows)
    order = np.lexsort((table[:, 3], table[:, 2], table[:, 1], table[:, 0]))
    return [(int(a), int(b), int(c), int(d), int(e)) for a, b, c, d, e in table[order]]
