"""Annotated clips as one file each: MuseTok's vectors, features, and the control of random weights."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sonoscope.affect.features import HAND
from sonoscope.affect.reading import SongBars
from sonoscope.contracts.affect import CLIP
from sonoscope.contracts.tensors import Arrays
from sonoscope.musetok.latents import encode_bars
from sonoscope.musetok.model import MuseTok
from sonoscope.settings.musetok import Geometry
from sonoscope.symbolic.songs import bar_starts


def untrained_like(geometry: Geometry, seed: int) -> MuseTok:
    """A MuseTok of the same shape whose weights are random: any merit of its latents is not learned."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MuseTok(geometry).eval()


def encode_songs(
    songs: Sequence[SongBars], model: MuseTok, batch_tokens: int, control: MuseTok | None = None
) -> list[Arrays]:
    """Tensors of every song as `sonoscope.contracts.affect.CLIP` declares them; songs share batches of bars."""
    tokens = [bar for song in songs for bar in song.bars]
    found = encode_bars(model, tokens, batch_tokens)
    other = encode_bars(control, tokens, batch_tokens).encoder if control else np.zeros((len(tokens), 0), np.float32)
    edges = np.cumsum([0, *(len(s.bars) for s in songs)])
    clips: list[Arrays] = []
    for song, first, last in zip(songs, edges[:-1], edges[1:], strict=True):
        rows = slice(int(first), int(last))
        clips.append(
            {
                "dequantised": found.dequantised[rows],
                "prequantised": found.prequantised[rows],
                "encoder": found.encoder[rows],
                "codes": found.codes[rows],
                "untrained": other[rows],
                "features": song.features.astype(np.float32),
                "bar_number": song.bars.number.astype(np.int64),
                "file_bar": file_bars(song),
                "bar_positions": song.bars.offsets.astype(np.int64),
                "second": song.bars.second.astype(np.float64),
                "shift": song.bars.shift.astype(np.float64),
                "n_notes": song.bars.n_notes.astype(np.int64),
                "n_kept": song.bars.n_kept.astype(np.int64),
            }
        )
    return clips


def file_bars(song: SongBars) -> NDArray[np.int64]:
    """Number of the file's own bar in which each bar begins; MuseTok writes some long bars as two."""
    starts = bar_starts(song.score)
    return np.maximum(np.searchsorted(starts, np.maximum(song.bars.tick, 0), side="right") - 1, 0).astype(np.int64)


def write_clip(path: Path, arrays: Arrays, about: Mapping[str, str]) -> None:
    """Write one clip; ``about`` names the model, its revision and the MIDI file."""
    n_bars = str(len(arrays["bar_number"]))
    CLIP.write(path, arrays, {**about, "features": json.dumps(HAND), "n_bars": n_bars})


def read_clip(path: Path) -> tuple[Arrays, dict[str, str]]:
    """Read what `write_clip` wrote, whose features must be those of today."""
    arrays, header = CLIP.read(path)
    if json.loads(header["features"]) != list(HAND):
        raise ValueError(f"{path}: expected features {', '.join(HAND)}, found {header['features']}; delete the folder")
    return arrays, header
