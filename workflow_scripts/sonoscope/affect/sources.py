"""Where files to annotate come from: Parquet shards of GigaMIDI, here or at an address, or a folder of MIDI files.

The unit of work is a stretch of consecutive files. Its key follows from what is in it, so that finished work is found
again and a corpus that has grown is only done where it grew.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from sonoscope.corpora.gigamidi import CATEGORY, EXPRESSIVE, STYLES
from sonoscope.errors import SonoscopeError

_ENDINGS = (".mid", ".midi")
_WANTED = ("md5", "music", CATEGORY, STYLES, "NOMML", "title", "artist")


class SourceError(SonoscopeError, ValueError):
    """A corpus that cannot be read."""


class Item(NamedTuple):
    """One file of the corpus."""

    order: int
    """Place in the corpus, from 0."""
    md5: str
    name: str
    content: bytes | None
    problem: str
    """Why it cannot be annotated, as far as its metadata tell; empty otherwise."""
    expressive: bool
    """The corpus says that it is a performance off the grid."""
    styles: tuple[str, ...] = ()
    title: str = ""
    artist: str = ""


class Unit(NamedTuple):
    """Consecutive files that are done together."""

    key: str
    name: str
    """File of the corpus that holds them, or the first of them."""
    order: int
    """Place of the first."""
    group: int
    """Row group of a shard; -1 in a folder of MIDI files."""
    start: int
    stop: int


class Source:
    """A corpus by its folder or address.

    Parameters
    ----------
    address : str
        A folder, or an address that fsspec understands, such as ``hf://datasets/…``; the latter is read in pieces and
        never downloaded as a whole.

    Raises
    ------
    SourceError
        It holds neither Parquet shards nor MIDI files.
    """

    def __init__(self, address: str) -> None:
        self.system, self.root = fsspec.core.url_to_fs(address)
        found = sorted(self.system.find(self.root))
        self.shards = [p for p in found if p.endswith(".parquet")]
        self.midi = [p for p in found if Path(p).suffix.lower() in _ENDINGS]
        if not self.shards and not self.midi:
            raise SourceError(f"{address}: expected Parquet shards or MIDI files, found none")

    def _short(self, path: str) -> str:
        return path.removeprefix(str(self.root)).lstrip("/")

    def groups(self) -> list[tuple[str, int, int, int]]:
        """Row groups of all shards: shard, number, place of the first row in the corpus, rows."""
        found, order = [], 0
        for path in self.shards:
            with self.system.open(path, "rb") as handle, self._open(handle, path) as file:
                for number in range(file.num_row_groups):
                    rows = file.metadata.row_group(number).num_rows
                    found.append((path, number, order, rows))
                    order += rows
        return found

    def count(self) -> int:
        """Files of the corpus."""
        return sum(rows for *_, rows in self.groups()) if self.shards else len(self.midi)

    def units(self, songs: int, shard: int = 0, shards: int = 1) -> Iterator[Unit]:
        """The stretches of at most ``songs`` files that belong to job ``shard`` of ``shards``.

        Row groups go to jobs in turn, or stretches where there are fewer row groups than jobs. Only the column of MD5s
        is read for this.
        """
        if not self.shards:
            for k, first in enumerate(range(0, len(self.midi), songs)):
                if k % shards == shard:
                    files = self.midi[first : first + songs]
                    yield Unit(self._midi_key(files), self._short(files[0]), first, -1, first, first + len(files))
            return
        groups = self.groups()
        stretches = [(k, g, start) for k, g in enumerate(groups) for start in range(0, g[3], songs)]
        turns = [k for k, *_ in stretches] if len(groups) >= shards else range(len(stretches))
        mine = [(g, start) for turn, (_, g, start) in zip(turns, stretches, strict=True) if turn % shards == shard]
        known: dict[tuple[str, int], list[str]] = {}
        for (path, number, order, rows), start in mine:
            if (path, number) not in known:
                known = {(path, number): [str(r["md5"]) for r in self._rows(path, number, ("md5",))]}
            stop = min(start + songs, rows)
            text = json.dumps([self._short(path), number, start, known[path, number][start:stop]])
            yield Unit(_digest(text), self._short(path), order + start, number, start, stop)

    def items(self, unit: Unit) -> list[Item]:
        """Read the files of a unit."""
        if unit.group < 0:
            return [self._midi_item(k, self.midi[k]) for k in range(unit.start, unit.stop)]
        path = next(p for p in self.shards if self._short(p) == unit.name)
        rows = self._rows(path, unit.group, _WANTED)[unit.start : unit.stop]
        return [_row_item(unit.order + k, unit.name, row) for k, row in enumerate(rows)]

    def _midi_key(self, files: list[str]) -> str:
        facts = []
        for path in files:
            info = self.system.info(path)
            facts.append((self._short(path), info.get("size"), str(info.get("mtime", info.get("LastModified", "")))))
        return _digest(json.dumps(facts))

    def _midi_item(self, order: int, path: str) -> Item:
        content: bytes = self.system.cat_file(path)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return Item(order, md5, self._short(path), content, "", False, title=Path(path).stem)

    def _open(self, handle: Any, path: str) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(handle)
        except pa.ArrowException as error:
            raise SourceError(
                f"{path}: not a readable Parquet file ({error}); fetch it again or move it away"
            ) from None

    def _rows(self, path: str, group: int, columns: tuple[str, ...]) -> list[dict[str, Any]]:
        with self.system.open(path, "rb") as handle, self._open(handle, path) as file:
            there = [c for c in columns if c in file.schema_arrow.names]
            if not {"md5", "music"} <= set(file.schema_arrow.names):
                raise SourceError(f"{path}: expected columns md5 and music, found {', '.join(file.schema_arrow.names)}")
            rows: list[dict[str, Any]] = file.read_row_group(group, columns=there).to_pylist()
            return rows


def _row_item(order: int, name: str, row: dict[str, Any]) -> Item:
    music = row["music"]
    content = music.get("bytes") if isinstance(music, dict) else music
    problem = ""
    if row.get(CATEGORY) == 0:
        problem = "drums only: no pitched notes to annotate"
    elif not isinstance(content, bytes):
        problem = f"expected MIDI bytes, found {type(content).__name__}"
    return Item(
        order,
        str(row["md5"]),
        name,
        content if isinstance(content, bytes) else None,
        problem,
        EXPRESSIVE in (row.get("NOMML") or ()),
        tuple(row.get(STYLES) or ()),
        row.get("title") or "",
        row.get("artist") or "",
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
