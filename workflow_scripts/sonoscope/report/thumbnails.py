"""Small pictures of sound: the waveform above its log-mel spectrogram, on scales that clips share."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import seaborn  # noqa: F401 (registers the colour map "mako")
import soundfile
from numpy.typing import NDArray
from PIL import Image

from sonoscope.contracts.errors import ContractError
from sonoscope.files import replacing

WIDTH, WAVE, GAP, MEL = 320, 44, 4, 64
WINDOW = 2048
"""Samples of a spectrum."""
RANGE = 70.0
"""Decibels between the loudest bin of a grid and black."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sound:
    """What the picture of a clip needs: extremes of the waveform per column, log-mel energies."""

    low: Floats
    high: Floats
    mel: Floats


def seconds_of(path: Path) -> float:
    """Length of a clip.

    Raises
    ------
    ContractError
        It is no sound file.
    """
    with _reading(path):
        return float(soundfile.info(path).duration)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        problem = f"not a sound file ({error.error_string}); delete it to have it made again"
        raise ContractError("clips", problem, path) from None


def listen(path: Path) -> Sound:
    """Read a clip (all channels averaged) and reduce it to the columns of its picture.

    Raises
    ------
    ContractError
        The file cannot be decoded.
    """
    with _reading(path):
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    mono = samples.mean(axis=1) if len(samples) else np.zeros(1)
    columns = np.array_split(mono, WIDTH) if len(mono) >= WIDTH else [mono] * WIDTH
    mel = 10 * np.log10(np.maximum(_bands(rate) @ _power(mono), 1e-10))
    return Sound(np.array([c.min() for c in columns]), np.array([c.max() for c in columns]), mel)


def _power(mono: Floats) -> Floats:
    """Power of short-time spectra, one per column of the picture: [WINDOW // 2 + 1, WIDTH]."""
    hop = max(len(mono) // WIDTH, 1)
    padded = np.pad(mono, (WINDOW // 2, WINDOW // 2 + max(hop * WIDTH - len(mono), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::hop][:WIDTH]
    power: Floats = np.abs(np.fft.rfft(frames * np.hanning(WINDOW + 1)[:-1])) ** 2
    return power.T


@lru_cache(maxsize=8)
def _bands(rate: int) -> Floats:
    """Triangles on the mel scale from 30 Hz to half the sampling rate: [MEL, WINDOW // 2 + 1].

    Written out here because importing librosa costs more time than painting a report's clips.
    """
    low, high = (2595 * float(np.log10(1 + f / 700)) for f in (30.0, rate / 2))
    edges = 700 * (10 ** (np.linspace(low, high, MEL + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(WINDOW, 1 / rate)
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles: Floats = np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]  # equal areas
    return triangles


def paint(sound: Sound, peak: float, top: float) -> Image.Image:
    """Draw a clip; ``peak`` fills the height of the waveform and ``top`` (dB) is the brightest mel colour."""
    canvas = np.zeros((WAVE + GAP + MEL, WIDTH, 4), dtype=np.uint8)
    middle = (WAVE - 1) / 2
    scale = middle / max(peak, 1e-9)
    rows = np.arange(WAVE)[:, None]
    inside = (rows >= np.floor(middle - sound.high * scale)) & (rows <= np.ceil(middle - sound.low * scale))
    canvas[:WAVE][inside] = (124, 132, 142, 255)
    level = np.clip((sound.mel - (top - RANGE)) / RANGE, 0, 1)[::-1]
    canvas[WAVE + GAP :, :] = (11, 4, 5, 255)
    canvas[WAVE + GAP :, : level.shape[1]] = mpl.colormaps["mako"](level, bytes=True)
    return Image.fromarray(canvas, "RGBA")


def write_all(clips: Iterable[tuple[Path, Path]]) -> None:
    """Paint the clips of one grid, from the first path to the second, on common scales."""
    pairs = list(clips)
    sounds = [listen(audio) for audio, _ in pairs]
    peak = max((max(abs(s.low).max(), abs(s.high).max()) for s in sounds), default=1.0)
    top = max((s.mel.max() for s in sounds), default=0.0)
    for sound, (_, picture) in zip(sounds, pairs, strict=True):
        with replacing(picture) as temporary:
            paint(sound, float(peak), float(top)).save(temporary, compress_level=6)
