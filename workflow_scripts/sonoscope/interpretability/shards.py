"""Frame-level hidden states on disk: memory-mapped shards with a manifest, written once and read at random.

A store is a folder: ``layer_{l}/{row}/shard-00000.safetensors`` with one tensor ``rows`` ``[n, D]`` each, and a
``manifest.json`` that is written last, so that a folder without one is not a store. Row r of the store is one audio
frame; the clips' table says which rows are whose.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from sonoscope.contracts import read_json, write_json
from sonoscope.files import replacing, sha256
from sonoscope.interpretability.layers import CaptureError, layer_name

log = logging.getLogger(__name__)

SCHEMA = 1
HALF_MAX = 65504.0
"""Largest magnitude in half precision."""
Dtype = Literal["auto", "float16", "float32"]
Floats32 = NDArray[np.float32]


class ShardWriter:
    """Write one layer and row of a store, shard by shard; `finish` writes the manifest.

    Parameters
    ----------
    about
        What the states are of: model, revision, condition, frame rate, and whatever tells runs apart.
    rows
        Rows per shard.
    dtype
        ``float16`` refuses what half precision cannot hold; ``auto`` writes the shards in which that occurs as float32.
    """

    def __init__(self, folder: Path, layer: int, row: str, about: Mapping[str, Any], rows: int = 8192,
                 dtype: Dtype = "auto") -> None:  # fmt: skip
        self.folder, self.layer, self.row, self.about, self.dtype = folder, layer, row, dict(about), dtype
        self.rows = rows
        self._waiting: list[Floats32] = []
        self._shards: list[dict[str, Any]] = []
        self._count = 0
        self._sum: NDArray[np.float64] | float = 0.0
        self._squares: NDArray[np.float64] | float = 0.0
        self._norms = 0.0

    def add(self, states: NDArray[Any]) -> None:
        """Append rows ``(n, dim)``."""
        values = np.asarray(states, dtype=np.float32)
        if values.ndim != 2 or not np.isfinite(values).all():
            raise CaptureError(f"shards: expected finite rows (n, dim), found shape {values.shape} or NaN")
        exact = values.astype(np.float64)
        self._sum, self._squares = self._sum + exact.sum(0), self._squares + (exact**2).sum(0)
        self._norms += float(np.linalg.norm(exact, axis=1).sum())
        self._count += len(values)
        self._waiting.append(values)
        while sum(map(len, self._waiting)) >= self.rows:
            whole = np.concatenate(self._waiting)
            self._write(whole[: self.rows])
            self._waiting = [whole[self.rows :]]

    def finish(self) -> Path:
        """Write what is left, and the manifest; its path."""
        left = np.concatenate(self._waiting) if self._waiting else np.empty((0, 0), np.float32)
        if len(left):
            self._write(left)
        if not self._count:
            raise CaptureError(f"{self.folder}: no rows were added")
        mean = np.asarray(self._sum) / self._count
        variance = np.maximum(np.asarray(self._squares) / self._count - mean**2, 0)
        path = self._home / "manifest.json"
        write_json(
            path,
            {
                "schema": SCHEMA, "layer": self.layer, "row": self.row, "dim": int(mean.size), "count": self._count,
                "about": self.about, "shards": self._shards, "mean": mean.tolist(),
                "std": np.sqrt(variance).tolist(), "mean_norm": self._norms / self._count,
            },
        )  # fmt: skip
        return path

    @property
    def _home(self) -> Path:
        return self.folder / layer_name(self.layer) / self.row

    def _write(self, values: Floats32) -> None:
        largest = float(np.abs(values).max())
        if largest > HALF_MAX and self.dtype == "float16":
            raise CaptureError(
                f"shards: layer {self.layer} reaches {largest:g}, above the {HALF_MAX:g} of float16; use dtype auto"
            )
        small = largest <= HALF_MAX and self.dtype != "float32"
        if not small and self.dtype == "auto":
            log.warning("layer %d reaches %g: a shard is kept in float32", self.layer, largest)
        stored = values.astype(np.float16 if small else np.float32)
        path = self._home / f"shard-{len(self._shards):05d}.safetensors"
        with replacing(path) as temporary:
            save_file({"rows": np.ascontiguousarray(stored)}, temporary)
        self._shards.append(
            {"file": path.name, "rows": len(stored), "dtype": str(stored.dtype), "sha256": sha256(path)}
        )


class ShardStore:
    """Read one layer and row of a store by memory map.

    Raises
    ------
    CaptureError
        There is no manifest, or it is of another schema.
    """

    def __init__(self, folder: Path, layer: int, row: str) -> None:
        self.home = folder / layer_name(layer) / row
        path = self.home / "manifest.json"
        if not path.is_file():
            raise CaptureError(f"{path}: expected a manifest; the capture did not finish, run it again")
        self.manifest: dict[str, Any] = read_json(path)
        if self.manifest.get("schema") != SCHEMA:
            raise CaptureError(f"{path}: expected schema {SCHEMA}, found {self.manifest.get('schema')}")
        self.dim, self.count = int(self.manifest["dim"]), int(self.manifest["count"])
        self._maps = [_mapped(self.home / shard["file"]) for shard in self.manifest["shards"]]
        self._starts = np.cumsum([0, *(len(m) for m in self._maps)])

    def verify(self) -> None:
        """Compare every shard with its digest.

        Raises
        ------
        CaptureError
            One differs.
        """
        for shard in self.manifest["shards"]:
            if sha256(self.home / shard["file"]) != shard["sha256"]:
                raise CaptureError(f"{self.home / shard['file']}: digest differs from the manifest; capture it again")

    def shards(self) -> Iterator[Floats32]:
        """The rows of one shard after the other."""
        for one in self._maps:
            yield np.asarray(one, dtype=np.float32)

    def rows(self, index: NDArray[np.integer[Any]]) -> Floats32:
        """Rows by number, in the order asked for, as float32."""
        index = np.asarray(index)
        out = np.empty((len(index), self.dim), np.float32)
        shard = np.searchsorted(self._starts, index, side="right") - 1
        for k in np.unique(shard):
            own = np.flatnonzero(shard == k)
            out[own] = self._maps[k][index[own] - self._starts[k]]
        return out

    def batches(
        self, rows: NDArray[np.integer[Any]], size: int, generator: np.random.Generator, epochs: int = 1
    ) -> Iterator[Floats32]:
        """Batches of ``rows`` in a new random order each epoch; neighbours in time do not stay together."""
        for _ in range(epochs):
            order = generator.permutation(rows)
            for first in range(0, len(order) - size + 1, size):
                yield self.rows(order[first : first + size])


def merge_stores(parts: Sequence[Path], folder: Path) -> None:
    """Write the rows of all parts as one store: the bytes that a single writer would have left.

    Parts hold one layer and row each, in float32, and every shard of theirs what one call of `ShardWriter.add` got: so
    sums are formed batch by batch, in the order in which one job forms them. A folder without a store has no rows.

    Raises
    ------
    CaptureError
        No part holds rows, a part's are rounded, or the parts are not of one capture.
    """
    found = [path for part in parts for path in sorted(part.glob("*/*/manifest.json"))]
    if not found:
        raise CaptureError(f"{folder}: expected rows in at least one share, found none")
    manifests = [read_json(path) for path in found]
    layer, row, about = (manifests[0][key] for key in ("layer", "row", "about"))
    writer = ShardWriter(folder, layer, row, about)
    for manifest, path in zip(manifests, found, strict=True):
        if [manifest[key] for key in ("layer", "row", "about")] != [layer, row, about]:
            raise CaptureError(f"{path}: expected the capture of {found[0]}; delete the shares to have them made again")
        if any(shard["dtype"] != "float32" for shard in manifest["shards"]):
            raise CaptureError(f"{path}: expected rows in float32, as a share keeps them; delete the shares")
        store = ShardStore(path.parents[2], layer, row)
        store.verify()
        for rows in store.shards():
            writer.add(rows)
    writer.finish()


def _mapped(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(size))["rows"]
    kind = {"F16": np.float16, "F32": np.float32}[entry["dtype"]]
    return np.memmap(path, kind, "r", offset=8 + size + entry["data_offsets"][0], shape=tuple(entry["shape"]))
