"""The phase-0 dataset: which frames are predicted, and the moments of the training frames."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.codecs.collapse import examine
from sonoscope.contracts import write_json
from sonoscope.contracts.dynamics import FRAMES, SEQUENCES, STATISTICS
from sonoscope.dynamics.store import SPLITS, FrameStore, header_of, memory_map
from sonoscope.errors import SonoscopeError

log = logging.getLogger(__name__)

_BLOCK = 65_536
_EXAMINED = 20_000


class DegenerateLatentsError(SonoscopeError, ValueError):
    """Latents that carry nothing, of which nothing can be learned."""


def read_index(paths: Sequence[Path]) -> pd.DataFrame:
    """Sequences of all shards in their order, with the store row ``start`` of each one's first frame."""
    index = pd.concat([SEQUENCES.read(p) for p in paths], ignore_index=True)
    return index.assign(start=np.cumsum(index.n_frames.to_numpy()) - index.n_frames.to_numpy())


def frame_table(index: pd.DataFrame, energy: NDArray[np.float32], first: int) -> pd.DataFrame:
    """Every frame t ≥ ``first`` of every sequence, without `is_high_energy`.

    ``first`` is W-1+K for the largest horizon K, so that curves over horizons stand on the same frames.
    """
    kept = (index.n_frames - first).clip(lower=0).to_numpy()
    sequence = np.repeat(np.arange(len(index)), kept)
    t = np.arange(len(sequence)) - np.repeat(np.cumsum(kept) - kept, kept) + first
    row = index.start.to_numpy()[sequence] + t
    named = {c: index[c].to_numpy()[sequence] for c in ("utterance_id", "speaker_id", "part", "split")}
    return pd.DataFrame(
        {**named, "t": t, "row": row, "pos_frac": t / index.n_frames.to_numpy()[sequence], "energy": energy[row]}
    ).astype({"t": "int64", "row": "int64", "energy": "float64"})


def energies(paths: Sequence[Path]) -> NDArray[np.float32]:
    """Energy of every frame of every shard."""
    return np.concatenate([np.asarray(memory_map(p, "energy")) for p in paths])


def training_blocks(store: FrameStore, index: pd.DataFrame, part: str) -> Iterator[torch.Tensor]:
    """All frames of the training sequences of one part, some thousands at a time, float64."""
    mine = index[(index.part == part) & (index.split == "train")]
    spans = [np.arange(s, s + n, dtype=np.int64) for s, n in zip(mine.start, mine.n_frames, strict=True)]
    rows = np.concatenate(spans) if spans else np.zeros(0, np.int64)
    for block in torch.split(torch.from_numpy(rows), _BLOCK):
        yield store.take(block).to(torch.float64)


def moments(store: FrameStore, index: pd.DataFrame, part: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation of each coordinate over the training frames of one part, float32 [D].

    Raises
    ------
    DegenerateLatentsError
        There are no training frames, or some coordinate never changes.
    """
    count, total, squares = 0, torch.zeros(store.dim).double(), torch.zeros(store.dim).double()
    for block in training_blocks(store, index, part):
        count, total, squares = count + len(block), total + block.sum(0), squares + block.square().sum(0)
    if not count:
        raise DegenerateLatentsError(f"{part}: expected frames of training speakers, found none; use more speakers")
    mean = total / count
    variance = squares / count - mean.square()
    dead = int((variance <= 1e-12 * (squares / count).clamp(min=1e-30)).sum())
    if dead:
        raise DegenerateLatentsError(
            f"{part}: {dead} of {store.dim} coordinates never change over {count} training frames; "
            "the encoder has collapsed, and no dynamics can be learned from it"
        )
    return mean.float(), variance.sqrt().float()


def health(store: FrameStore, index: pd.DataFrame, part: str) -> dict[str, float]:
    """Collapse measures of the first training frames of a part: effective rank, active units, correlation at lag 1."""
    sequences = index[(index.part == part) & (index.split == "train")]
    length = int(sequences.n_frames.quantile(0.25))
    starts = sequences[sequences.n_frames >= length].start.to_numpy()[: max(1, _EXAMINED // max(1, length))]
    rows = torch.from_numpy(starts)[:, None] + torch.arange(length)
    found = examine(store.take(rows)).as_dict()
    log.info("%s: %s", part, " ".join(f"{k} {v:.3g}" for k, v in found.items()))
    return found


def build(
    shards: Sequence[Path],
    indices: Sequence[Path],
    frames_path: Path,
    statistics_path: Path,
    health_path: Path,
    window: int,
    horizons: Sequence[int],
) -> None:
    """Write the phase-0 dataset of one source: a table of frames, moments by part, and collapse measures.

    Raises
    ------
    DegenerateLatentsError
        Some part cannot be learned from.
    """
    index, store, header = read_index(indices), FrameStore.open(shards), header_of(shards[0])
    first = window - 1 + max(horizons)
    table = frame_table(index, energies(shards), first)
    parts = list(dict.fromkeys(index.part))
    for part in parts:
        for split in SPLITS:
            if not ((table.part == part) & (table.split == split)).any():
                raise DegenerateLatentsError(
                    f"{part}: expected {split} sequences of more than {first} frames, found none; "
                    "use more speakers, longer utterances, or a shorter window"
                )
    found = {part: moments(store, index, part) for part in parts}
    training = table[table.split == "train"].groupby("part").energy.median()
    table["is_high_energy"] = table.energy.to_numpy() > training[table.part].to_numpy()
    FRAMES.write(frames_path, table)
    arrays = {
        "mean": torch.stack([found[p][0] for p in parts]).numpy(),
        "deviation": torch.stack([found[p][1] for p in parts]).numpy(),
        "energy_threshold": training[parts].to_numpy().astype(np.float32),
    }
    about = {
        "parts": ",".join(parts),
        "window": str(window),
        "horizons": ",".join(map(str, horizons)),
        **{name: header[name] for name in ("source", "frame_rate", "unit", "tier")},
    }
    STATISTICS.write(statistics_path, arrays, about)
    write_json(health_path, {part: health(store, index, part) for part in parts})
