"""Gradient embeddings on disk: immutable shards that are mapped into memory, an index of rows, and what they are of.

A store is a folder::

    meta.json             model, checkpoints, function, projection and its seed: what must agree for rows to be compared
    shards/{name}.safetensors    one tensor [rows, dim] per feature and checkpoint, "loss/0"
    shards/{name}.parquet        its rows; written last, so it marks a finished shard
    index.parquet         all rows, ordered by song and segment
    skipped.parquet       songs that could not be embedded, and why

New songs become new shards, so that nothing is written twice. Rows of another model, projection or seed are refused.
"""

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import save_file

from sonoscope.attribution.errors import AttributionError
from sonoscope.contracts import read_json, write_json
from sonoscope.contracts.attribution import ROWS
from sonoscope.contracts.skipped import SKIPPED
from sonoscope.files import replacing

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
_LOCAL = ("note", "seconds", "dropped")  # entries of the meta data that may differ between comparable stores


def _comparable(value: Any) -> Any:
    """Of the embedding's settings all but the features: those that two stores share can be compared."""
    return {k: v for k, v in value.items() if k != "features"} if isinstance(value, dict) else value


def mapped(file: Path) -> dict[str, Floats]:
    """Tensors of a safetensors file as arrays that are read from disk when they are used.

    Raises
    ------
    AttributionError
        The file is damaged.
    """
    try:
        with file.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(size))
    except (OSError, ValueError, MemoryError) as error:
        raise AttributionError(
            f"{file}: expected a safetensors file, found {error}; delete it to have it made again"
        ) from None
    out: dict[str, Floats] = {}
    for name, about in header.items():
        if name != "__metadata__":
            first, last = about["data_offsets"]
            if about["dtype"] != "F32" or file.stat().st_size < 8 + size + last:
                raise AttributionError(f"{file}: {name} is truncated or not float32; delete it to have it made again")
            out[name] = np.memmap(file, np.float32, "r", 8 + size + first, tuple(about["shape"]))
    return out


class Store:
    """A folder of gradient embeddings.

    Parameters
    ----------
    folder : Path
        An existing store.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / "meta.json"
        if not file.is_file():
            raise AttributionError(f"{folder}: expected a store of gradient embeddings (meta.json), found none")
        self.meta: dict[str, Any] = read_json(file)
        self._maps: dict[str, dict[str, Floats]] = {}

    @classmethod
    def open(cls, folder: Path, meta: Mapping[str, Any]) -> "Store":
        """Make a store, or open the one that is there for more rows.

        Raises
        ------
        AttributionError
            What is there was made of another model, with another projection or another seed.
        """
        if (folder / "meta.json").is_file():
            store = cls(folder)
            store.refuse_other(meta)
            found, wanted = (dict(m.get("embedding", {})).get("features") for m in (store.meta, meta))
            if found != wanted:
                raise AttributionError(f"{folder}: its rows have features {found}, the new ones {wanted}; take another")
            if store.meta.get("seconds") != meta.get("seconds"):
                mine, other = store.meta.get("seconds"), meta.get("seconds")
                raise AttributionError(
                    f"{folder}: its songs have duration {mine}, the new ones {other}; take another output"
                )
            mine, other = (m.get("dropped", 0.0) for m in (store.meta, meta))
            if mine != other:
                raise AttributionError(
                    f"{folder}: its rows leave out captions in a share of {mine:g}, the new ones in {other:g}; "
                    "take another output"
                )
            return store
        write_json(folder / "meta.json", dict(meta))
        return cls(folder)

    @classmethod
    def resumed(cls, folder: Path, meta: Mapping[str, Any]) -> "Store":
        """Open a store to go on with it; one that was made of another model or with other settings is begun anew."""
        try:
            return cls.open(folder, meta)
        except AttributionError as error:
            log.info("begun anew: %s", error)
            shutil.rmtree(folder)
            return cls.open(folder, meta)

    @classmethod
    def merged(
        cls, folder: Path, parts: Sequence[tuple[Path, Sequence[str]]], skipped: Sequence[tuple[str, str, str]] = ()
    ) -> "Store":
        """One store of the named shards of several others; its files have the same bytes however they were shared out.

        Files are linked where the file system can, and copied where it cannot.

        Raises
        ------
        AttributionError
            Rows of the parts cannot be compared, a shard is not there, or a window stands in two of them.
        """
        stores = [cls(place) for place, _ in parts]
        shutil.rmtree(folder, ignore_errors=True)
        merged = cls.open(folder, stores[0].meta)
        (folder / "shards").mkdir(parents=True, exist_ok=True)
        for store, (_, names) in zip(stores, parts, strict=True):
            merged.refuse_other(store.meta)
            for file in (store.folder / "shards" / f"{n}.{kind}" for n in names for kind in ("safetensors", "parquet")):
                if not file.is_file():
                    raise AttributionError(f"{file}: a shard is missing; give the command that makes it again")
                target = folder / "shards" / file.name
                try:
                    os.link(file, target)
                except OSError:
                    shutil.copyfile(file, target)
        merged.finish(skipped)
        return merged

    def discard(self, shard: str) -> None:
        """Remove a shard, of which the rows are no longer those that are asked for."""
        for kind in ("parquet", "safetensors"):
            (self.folder / "shards" / f"{shard}.{kind}").unlink(missing_ok=True)

    def refuse_other(self, meta: Mapping[str, Any]) -> None:
        """Raise `AttributionError` if rows with ``meta`` cannot be compared with those of this store."""
        for name in sorted({*self.meta, *meta} - set(_LOCAL)):
            mine, other = _comparable(self.meta.get(name)), _comparable(meta.get(name))
            if mine != other:
                raise AttributionError(
                    f"{self.folder}: its rows have {name} {mine!r}, the others {other!r}; they cannot be compared. "
                    "Embed one of them again with the settings of the other"
                )

    def write_shard(self, name: str, rows: pd.DataFrame, fields: Mapping[str, Floats]) -> None:
        """Add a shard; ``rows`` lack the columns row, shard and position."""
        wrong = {k: v.shape for k, v in fields.items() if len(v) != len(rows) or not np.isfinite(v).all()}
        if wrong:
            raise AttributionError(f"{name}: expected {len(rows)} finite rows per feature, found {wrong}")
        file = self.folder / "shards" / f"{name}.safetensors"
        with replacing(file) as temporary:
            save_file({k: np.ascontiguousarray(v, np.float32) for k, v in sorted(fields.items())}, temporary)
        frame = rows.assign(row=np.arange(len(rows)), shard=name, position=np.arange(len(rows)))
        ROWS.write(file.with_suffix(".parquet"), frame)

    def finished(self) -> dict[str, pd.DataFrame]:
        """Rows of the finished shards by their name."""
        files = sorted((self.folder / "shards").glob("*.parquet"))
        return {f.stem: ROWS.read(f) for f in files if f.with_suffix(".safetensors").is_file()}

    def finish(self, skipped: Sequence[tuple[str, str, str]] = ()) -> pd.DataFrame:
        """Write the index over all finished shards, and what was skipped.

        Raises
        ------
        AttributionError
            One window stands in two shards.
        """
        parts = list(self.finished().values())
        if not parts:
            raise AttributionError(f"{self.folder}: no song could be embedded; skipped.parquet says why")
        frame = pd.concat(parts, ignore_index=True).sort_values(["song_id", "segment"], ignore_index=True)
        twice = frame[frame.duplicated(["song_id", "segment"])]
        if len(twice):
            song, shards = twice.song_id.iloc[0], frame[frame.song_id == twice.song_id.iloc[0]].shard.unique()
            raise AttributionError(
                f"{self.folder}: song {song!r} stands in shards {', '.join(shards)}; remove one of them"
            )
        frame["row"] = np.arange(len(frame))
        ROWS.write(self.folder / "index.parquet", frame)
        SKIPPED.write(self.folder / "skipped.parquet", pd.DataFrame(list(skipped), columns=["item", "reason", "file"]))
        return frame

    @property
    def rows(self) -> pd.DataFrame:
        """The index."""
        file = self.folder / "index.parquet"
        if not file.is_file():
            raise AttributionError(f"{self.folder}: not finished (no index.parquet); give the same command again")
        return ROWS.read(file)

    @property
    def checkpoints(self) -> int:
        """Number of checkpoints, each with rows of its own."""
        return len(self.meta["checkpoints"])

    def field(self, feature: str, checkpoint: int) -> Floats:
        """All rows of one feature under one checkpoint, ``(rows, dim)``, in the order of the index."""
        rows = self.rows
        name = f"{feature}/{checkpoint}"
        parts = [(places, self._shard(str(shard))) for shard, places in rows.groupby("shard", sort=False)]
        if any(name not in maps for _, maps in parts):
            raise AttributionError(f"{self.folder}: holds no {name}; it has {', '.join(sorted(parts[0][1]))}")
        out = np.empty((len(rows), parts[0][1][name].shape[1]), np.float32)
        for places, maps in parts:
            out[places["row"].to_numpy()] = maps[name][places["position"].to_numpy()]
        return out

    def stream(self, feature: str, checkpoint: int) -> Iterator[tuple[NDArray[np.int64], Floats]]:
        """Rows shard by shard, mapped, with their places in the index: for stores that do not fit into memory."""
        for shard, places in self.rows.groupby("shard", sort=True):
            maps = self._shard(str(shard))
            ordered = places.sort_values("position")
            if f"{feature}/{checkpoint}" not in maps:
                raise AttributionError(f"{self.folder}: holds no {feature}/{checkpoint}")
            whole = maps[f"{feature}/{checkpoint}"]
            yield ordered["row"].to_numpy(np.int64), whole[ordered["position"].to_numpy()]

    def shard_rows(self, shard: str, places: pd.DataFrame, feature: str, checkpoint: int) -> Floats:
        """Rows of one shard in the order of ``places``, its rows of the index."""
        rows: Floats = self._shard(shard)[f"{feature}/{checkpoint}"][places["position"].to_numpy()]
        return rows

    def _shard(self, name: str) -> dict[str, Floats]:
        if name not in self._maps:
            self._maps[name] = mapped(self.folder / "shards" / f"{name}.safetensors")
        return self._maps[name]
