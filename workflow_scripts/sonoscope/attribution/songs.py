"""Songs as windows of tokens: the rows of everything that follows.

A song is encoded once, as a whole, and its tokens are cut into windows one after another, so that a row holds the very
tokens that the model is trained on. What remains at the end is a shorter window if it is at least half a window long.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.attribution.errors import AttributionError
from sonoscope.audio.files import AudioArray, AudioError, read_audio
from sonoscope.musicgen.interface import MusicGen, Prompt

log = logging.getLogger(__name__)

SHORTEST = 0.5
"""Audio below this many seconds says too little to be attributed."""
LONGEST = 3600.0
"""Audio above this many seconds is refused unless only its beginning is asked for."""
SILENT = 1e-4
"""Root mean square, of full scale, below which audio is silent."""


@dataclass(frozen=True)
class Song:
    """One file with its caption."""

    song_id: str
    file: Path
    prompt: Prompt
    artist: str = ""


@dataclass(frozen=True)
class Window:
    """Tokens ``[K, T]`` of a part of a song."""

    song_id: str
    segment: int
    start: float
    """In seconds from the start of the song."""
    seconds: float
    prompt: Prompt
    tokens: NDArray[np.int16]
    dropped: float = 0.0
    """How often training left the caption out, as a share; a row's gradient has as much of it without the caption."""

    @property
    def key(self) -> str:
        """Names the window in stores."""
        return f"{self.song_id}#{self.segment}"

    @property
    def digest(self) -> str:
        """Identifies tokens, caption and how often it is left out."""
        text = (self.prompt or "").encode() + (f"\0{self.dropped:g}".encode() if self.dropped else b"")
        return hashlib.sha256(self.tokens.astype("<i2").tobytes() + b"\0" + text).hexdigest()[:16]


def songs_of(table: pd.DataFrame, folder: Path) -> list[Song]:
    """Songs of a table as `sonoscope.contracts.corpora.SONGS` declares it.

    Raises
    ------
    AttributionError
        Two songs have one id.
    """
    twice = table.song_id[table.song_id.duplicated()].tolist()
    if twice:
        raise AttributionError(f"songs: {twice[0]!r} stands twice; a score could not say which of them is meant")
    rows = zip(table.song_id, table.file, table.description, table.artist, strict=True)
    return [Song(str(i), folder / str(f), str(d) or None, str(a)) for i, f, d, a in rows]


def read_song(file: Path, sample_rate: int, seconds: float | None) -> AudioArray:
    """Mono audio at ``sample_rate``, of the first ``seconds`` if given.

    Raises
    ------
    AudioError
        The file is damaged, silent, too short or too long.
    """
    audio, rate = read_audio(file)
    length = len(audio) / rate
    if seconds is None and length > LONGEST:
        raise AudioError(
            f"{file}: {length / 60:.0f} min is longer than {LONGEST / 60:.0f} min; give a duration, or cut it"
        )
    if length < SHORTEST:
        raise AudioError(f"{file}: {length:.2f} s is shorter than {SHORTEST} s; there is too little to attribute")
    if seconds is not None:
        audio = audio[: round(seconds * rate)]
    if float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) < SILENT:
        raise AudioError(f"{file}: silent; a model learns nothing of a song from it")
    if rate != sample_rate:
        audio = librosa.resample(audio, orig_sr=rate, target_sr=sample_rate)
    return audio


def tokens_of(model: MusicGen, audio: AudioArray) -> NDArray[np.int16]:
    """Tokens ``[K, T]`` of audio ``(samples,)``."""
    codes = model.encode(torch.from_numpy(np.ascontiguousarray(audio))[None, None])[0]
    frames = max(1, int(len(audio) / model.sample_rate * model.frame_rate + 1e-6))  # without what pads the last frame
    return codes[:, :frames].cpu().numpy().astype(np.int16)


def cut(song_id: str, prompt: Prompt, tokens: NDArray[np.int16], window: float, frame_rate: float) -> list[Window]:
    """Windows of a song's tokens ``[K, T]``."""
    length = max(1, round(window * frame_rate))
    out: list[Window] = []
    for segment, first in enumerate(range(0, tokens.shape[1], length)):
        part = np.ascontiguousarray(tokens[:, first : first + length])
        frames = part.shape[1]
        if segment and frames * 2 < length:
            log.info("%s: the last %.2f s are less than half a window and not used", song_id, frames / frame_rate)
            continue
        out.append(Window(song_id, segment, first / frame_rate, frames / frame_rate, prompt, part))
    return out


def windows_of(
    model: MusicGen, songs: Sequence[Song], window: float, seconds: float | None
) -> tuple[list[Window], list[tuple[str, str, str]]]:
    """Windows of all songs in their order, and what could not be read: song, reason, file."""
    windows: list[Window] = []
    skipped: list[tuple[str, str, str]] = []
    for song in songs:
        try:
            tokens = tokens_of(model, read_song(song.file, model.sample_rate, seconds))
        except AudioError as error:
            log.warning("%s skipped: %s", song.song_id, error)
            skipped.append((song.song_id, str(error), str(song.file)))
            continue
        windows += cut(song.song_id, song.prompt, tokens, window, model.frame_rate)
    return windows, skipped
