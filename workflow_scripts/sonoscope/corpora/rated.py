"""Composed clips with ratings: what PMEmo and DEAM are made of where the real ones are not there."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonoscope.audio.files import AudioArray
from sonoscope.audio.soundfont import render
from sonoscope.symbolic.cues import causes_for
from sonoscope.symbolic.instruments import INSTRUMENTS
from sonoscope.symbolic.rhythm import bar_seconds
from sonoscope.symbolic.songs import SECTION_BARS, compose_song, drift

SAMPLE_RATE = 22_050
"""Hertz; half of what is published, and enough for the soundfont."""
FIRST = 15.0
"""Ratings over time begin here, in seconds: raters need a while."""
STEP = 0.5
"""Seconds between ratings."""
_BIAS, _NOISE = 0.25, 0.15
"""Standard deviations of a rater's own level, and of each rating, on the scale from -1 to 1."""
_ARTISTS_WORDS = ("Blue", "Second", "Iron", "Quiet", "Glass", "Seven", "Lost", "Wooden")
_ARTISTS_NAMES = ("Harbours", "Ferns", "Engines", "Voices", "Towers", "Sisters", "Maps", "Clocks")


class RatedSong(NamedTuple):
    """One composed clip and what raters say of it, on the scale from -1 to 1."""

    audio: AudioArray
    times: NDArray[np.float64]
    """Seconds of the ratings over time, shape (frames,)."""
    mean: NDArray[np.float64]
    """Valence and arousal over the whole clip, mean over raters, shape (2,)."""
    sd: NDArray[np.float64]
    """Standard deviation over raters, shape (2,)."""
    frames: NDArray[np.float64]
    """Mean over raters at each time, shape (frames, 2)."""
    frames_sd: NDArray[np.float64]
    """Standard deviation over raters at each time, shape (frames, 2)."""
    truth: NDArray[np.float64]
    """What its causes express, mean over time, shape (2,)."""


def rated_song(seconds: float, raters: int, rng: np.random.Generator) -> RatedSong:
    """Compose, render and rate a clip of ``seconds``, whose expression drifts."""
    valence, arousal = rng.uniform(-0.8, 0.8, 2).tolist()
    programs = tuple(int(p) for p in rng.choice([i.program for i in INSTRUMENTS], size=2, replace=False))
    causes = causes_for(valence, arousal, rng, programs=programs)
    fewest = int(np.ceil(seconds / (SECTION_BARS * bar_seconds(causes)))) + 1
    song = compose_song(drift(causes, fewest, rng), int(rng.integers(2**31)))
    bars = np.repeat([bar_seconds(c) for c in song.sections], SECTION_BARS)
    starts = np.concatenate([[0.0], np.cumsum(bars)[:-1]])

    def at(times: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(song.affect[np.searchsorted(starts, times, "right") - 1])

    everywhere, times = at(np.arange(0, seconds, STEP)), np.arange(FIRST, seconds, STEP)
    bias = _BIAS * rng.standard_normal((raters, 1, 2))
    heard = np.clip(at(times) + bias + _NOISE * rng.standard_normal((raters, len(times), 2)), -1, 1)
    overall = np.clip(everywhere.mean(0) + bias[:, 0] + _NOISE * rng.standard_normal((raters, 2)), -1, 1)
    return RatedSong(
        render(song.score, SAMPLE_RATE, seconds), times, overall.mean(0), overall.std(0, ddof=1), heard.mean(0),
        heard.std(0, ddof=1), everywhere.mean(0),
    )  # fmt: skip


def made_up_artist(number: int) -> str:
    """Name of artist ``number``; names repeat after 64."""
    first, second = divmod(number % 64, len(_ARTISTS_NAMES))
    return f"The {_ARTISTS_WORDS[first]} {_ARTISTS_NAMES[second]}"
