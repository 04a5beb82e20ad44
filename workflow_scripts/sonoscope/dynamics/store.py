"""Latents on disk: shards that are mapped into memory, and the table of frames that are learned from and judged.

Nothing is copied: a batch is gathered by row number straight from the shards, so that rows can be drawn in any order.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.contracts.dynamics import FRAMES, LATENTS, STATISTICS
from sonoscope.contracts.errors import ContractError

SPLITS = ("train", "validation", "test")


def memory_map(path: Path, name: str) -> NDArray[np.float32]:
    """Tensor ``name`` of a safetensors file without reading it; pages come from disk as they are touched.

    Raises
    ------
    ContractError
        The file holds no such tensor of 32-bit floats.
    """
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    about = header.get(name)
    if about is None or about["dtype"] != "F32":
        raise ContractError(LATENTS.name, f"expected a float32 tensor {name}, found {sorted(header)}", path)
    start = 8 + size + int(about["data_offsets"][0])
    # copy on write: torch wants an array that it may write to, and nothing reaches the file
    return np.memmap(path, np.float32, "c", offset=start, shape=tuple(about["shape"]))


def header_of(path: Path) -> dict[str, str]:
    """Header of a safetensors file, without its tensors."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        found: dict[str, str] = json.loads(file.read(size))["__metadata__"]
    return found


class FrameStore:
    """Frames [F, D] of all shards, by their number over all of them."""

    def __init__(self, shards: Sequence[Tensor]) -> None:
        self.shards = list(shards)
        self.bounds = torch.tensor([0, *np.cumsum([len(s) for s in self.shards])])

    @classmethod
    def open(cls, paths: Sequence[Path]) -> Self:
        """Map the shards of one source."""
        return cls([torch.from_numpy(memory_map(p, "x")) for p in paths])

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        return self.shards[0].shape[1]

    def __len__(self) -> int:
        return int(self.bounds[-1])

    def take(self, rows: Tensor) -> Tensor:
        """Frames of rows of any shape; [..., D]."""
        flat = rows.flatten()
        if len(self.shards) == 1:
            return self.shards[0].index_select(0, flat).reshape(*rows.shape, self.dim)
        shard = torch.bucketize(flat, self.bounds, right=True) - 1
        out = torch.empty(len(flat), self.dim)
        for s in torch.unique(shard).tolist():
            mine = shard == s
            out[mine] = self.shards[s].index_select(0, flat[mine] - self.bounds[s])
        return out.reshape(*rows.shape, self.dim)


@dataclass(frozen=True)
class Part:
    """One codec's latents, or one process: what models are trained on and judged by."""

    name: str
    store: FrameStore
    frames: pd.DataFrame
    """Rows of `FRAMES` of this part and of one slice."""
    mean: Tensor
    """[D], of the training frames."""
    deviation: Tensor
    """[D], of the training frames."""
    window: int
    horizons: tuple[int, ...]
    frame_rate: float
    tier: str

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        return self.store.dim

    @property
    def scale(self) -> float:
        """σ√D: the root-mean-square distance of a training frame from the mean."""
        return float(self.deviation.square().sum().sqrt())

    def rows(self, split: str) -> Tensor:
        """Store rows of the target frames of one split."""
        return torch.tensor(self.frames.row.to_numpy()[self.frames.split.to_numpy() == split])

    def of_split(self, split: str) -> pd.DataFrame:
        """The frames of one split."""
        return self.frames[self.frames.split == split]

    def spans(self, rows: Tensor, after: int = 0) -> Tensor:
        """Frames t-K-W+1 … t+``after`` around the target rows [...], K the largest horizon; [..., L, D]."""
        before = self.window - 1 + max(self.horizons)
        return self.store.take(rows[..., None] + torch.arange(-before, after + 1))

    def contexts(self, rows: Tensor, horizon: int) -> Tensor:
        """Frames t-k-W+1 … t-k; [..., W, D]."""
        return self.store.take(rows[..., None] + torch.arange(-horizon - self.window + 1, -horizon + 1))

    def deltas(self, rows: Tensor) -> Tensor:
        """Differences x_t - x_{t-1}; [..., D]."""
        return self.store.take(rows) - self.store.take(rows - 1)


def open_parts(shards: Sequence[Path], frames: Path, statistics: Path, slice_name: str = "all") -> list[Part]:
    """Read the phase-0 dataset of one source, restricted to a slice."""
    table = FRAMES.read(frames)
    arrays, header = STATISTICS.read(statistics)
    store = FrameStore.open(shards)
    if len(table) and int(table.row.max()) >= len(store):
        raise ContractError(FRAMES.name, f"expected rows below {len(store)}, found {table.row.max()}", frames)
    table = table[in_slice(table, slice_name)]
    horizons = tuple(int(k) for k in header["horizons"].split(","))
    return [
        Part(
            name,
            store,
            table[table.part == name].reset_index(drop=True),
            torch.from_numpy(arrays["mean"][i]),
            torch.from_numpy(arrays["deviation"][i]),
            int(header["window"]),
            horizons,
            float(header["frame_rate"]),
            header["tier"],
        )
        for i, name in enumerate(header["parts"].split(","))
    ]


def in_slice(table: pd.DataFrame, name: str) -> "pd.Series[bool]":
    """Which frames belong to a slice.

    Raises
    ------
    ValueError
        There is no such slice.
    """
    if name == "all":
        return pd.Series(True, index=table.index)
    if name == "high_energy":
        return table.is_high_energy
    if name == "utterance_medial":
        return table.pos_frac.between(0.17, 0.83)
    raise ValueError(f"expected a slice all, high_energy or utterance_medial, found {name!r}")
