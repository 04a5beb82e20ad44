"""The annotations of all jobs as one table, after checking that every file stands in it exactly once."""

import heapq
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sonoscope.affect.metrics import lag_one
from sonoscope.contracts.affect import BARS, SONG_TABLE, SONGS
from sonoscope.corpora.skipped import Skipped
from sonoscope.errors import SonoscopeError
from sonoscope.files import replacing

log = logging.getLogger(__name__)

CSV_HEADER = "md5,bar_number,valence,arousal\n"
"""The first line of the table of bars in CSV, which has no other columns."""
_AT_ONCE = 5_000
"""Files held at once."""
_READ_AT_ONCE = 500
"""Of them, those that are read at once from each table."""


class MergeError(SonoscopeError, ValueError):
    """Files are missing from the annotations, or stand in them twice."""


def merge(
    tables: Sequence[Path], expected: int, half_width: dict[str, float | None], off_grid: float, bars: Path,
    csv: Path | None, songs: Path,
) -> list[Skipped]:  # fmt: skip
    """Write the table of bars, in Parquet and CSV, and the table of songs; gives the files without annotations.

    Parameters
    ----------
    tables : sequence of Path
        Of the jobs, as `SONGS` declares.
    expected : int
        Files of the corpus.
    half_width : dict
        Half of the conformal interval by dimension.
    off_grid : float
        Mean distance from the grid from which a bar is flagged.

    Raises
    ------
    MergeError
        A file stands in no table, or in two; or its bars are not in order.
    """
    frames = _in_order(tables, expected)
    skipped: list[Skipped] = []
    summaries: list[pd.DataFrame] = []
    seen: dict[str, str] = {}
    with ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        bars_path = stack.enter_context(replacing(bars))
        text = _csv(stack, csv)
        for frame in frames:
            rows: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
            kept = [r for r in rows if _is_new(r, seen, skipped)]
            if not kept:
                continue
            block = bar_rows(kept, half_width, off_grid)
            table = BARS.to_arrow(block)
            writer = writer or stack.enter_context(pq.ParquetWriter(bars_path, table.schema))
            writer.write_table(table)
            text(block)
            summaries.append(pd.DataFrame([song_row(r) for r in kept])[list(SONG_TABLE.columns)])
        if writer is None:
            raise MergeError(f"expected at least one file to be annotated, found none of {expected}: {_first(skipped)}")
    table_of_songs = pd.concat(summaries, ignore_index=True)
    SONG_TABLE.write(songs, table_of_songs)
    log.info("%d songs with annotations, %d files without", len(table_of_songs), len(skipped))
    return skipped


def _first(skipped: Sequence[Skipped], shown: int = 5) -> str:
    """The first files that were left out, with their reasons."""
    said = "; ".join(f"{one.file or one.item}: {one.reason}" for one in skipped[:shown])
    return said + (f"; and {len(skipped) - shown} more" if len(skipped) > shown else "")


def _in_order(tables: Sequence[Path], expected: int) -> Iterator[pd.DataFrame]:
    """Stretches of files in the order of the corpus, after making sure that each place is taken exactly once."""
    places = [pq.read_table(p, columns=["order"])["order"].to_numpy() for p in tables]
    taken = np.bincount(np.concatenate(places), minlength=expected) if places else np.zeros(expected, np.int64)
    if len(taken) > expected or (taken != 1).any():
        missing, twice = int((taken[:expected] == 0).sum()), int((taken > 1).sum())
        raise MergeError(
            f"expected each of {expected} files once; {missing} are missing, {twice} stand twice, "
            f"{len(taken) - expected} are not of this corpus; run annotate_shard again for all shards"
        )
    if any((np.diff(p) <= 0).any() for p in places):
        raise MergeError("the files of a job do not stand in the order of the corpus; run annotate_shard again")
    return _stretches(tables)


def _stretches(tables: Sequence[Path]) -> Iterator[pd.DataFrame]:
    """Rows in the order of the corpus, a few thousand at a time; each table is read once, side by side with the others.

    All tables are in order, so that the next rows are always at the head of one of them.
    """
    readers = [_blocks(p) for p in tables]
    heads = {k: first for k, r in enumerate(readers) if (first := next(r, None)) is not None}
    queue = [(int(frame["order"].iloc[0]), k) for k, frame in heads.items()]
    heapq.heapify(queue)
    block: list[pd.DataFrame] = []
    while queue:
        _, k = heapq.heappop(queue)
        frame = heads.pop(k)
        stop = int(np.searchsorted(frame["order"].to_numpy(), queue[0][0])) if queue else len(frame)
        block.append(frame.iloc[:stop])
        rest = frame.iloc[stop:] if stop < len(frame) else next(readers[k], None)
        if rest is not None:
            heads[k] = rest
            heapq.heappush(queue, (int(rest["order"].iloc[0]), k))
        if sum(map(len, block)) >= _AT_ONCE:
            yield pd.concat(block, ignore_index=True)
            block = []
    if block:
        yield pd.concat(block, ignore_index=True)


def _blocks(path: Path) -> Iterator[pd.DataFrame]:
    """Rows of one table, some hundreds at a time."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_READ_AT_ONCE):
            frame = batch.to_pandas()
            SONGS.check(frame, path)
            yield frame


def _csv(stack: ExitStack, path: Path | None) -> Callable[[pd.DataFrame], None]:
    """A function that appends bars to the table in CSV, if there is to be one."""
    if path is None:
        return lambda block: None
    file = stack.enter_context(stack.enter_context(replacing(path)).open("w", encoding="utf-8"))
    file.write(CSV_HEADER)

    def append(block: pd.DataFrame) -> None:
        columns = block[["md5", "bar_number", "valence", "arousal"]]
        file.write(columns.to_csv(index=False, header=False, lineterminator="\n", float_format="%.6f"))

    return append


def _is_new(row: dict[str, Any], seen: dict[str, str], skipped: list[Skipped]) -> bool:
    """Whether a file has annotations and stands here for the first time; otherwise it gets a line."""
    md5, name = str(row["md5"]), str(row["name"])
    if row["reason"]:
        skipped.append(Skipped(md5, str(row["reason"]), name))
        return False
    if md5 in seen:
        skipped.append(Skipped(md5, f"the same file stands in {seen[md5]}; that one is used", name))
        return False
    number = np.asarray(row["bar_number"])
    if len(number) == 0 or (np.diff(number) <= 0).any():
        raise MergeError(f"{name}, {md5}: expected bars in order, found {len(number)} that are not; annotate it again")
    seen[md5] = name
    return True


def bar_rows(rows: Sequence[dict[str, Any]], half_width: dict[str, float | None], off_grid: float) -> pd.DataFrame:
    """One row per bar of all files given, as `BARS` declares."""

    def joined(name: str, kind: type) -> NDArray[Any]:
        return np.concatenate([np.asarray(r[name], kind) for r in rows])

    counts = [len(r["bar_number"]) for r in rows]
    columns: dict[str, Any] = {"md5": np.repeat(np.array([str(r["md5"]) for r in rows], object), counts)}
    columns["bar_number"] = joined("bar_number", np.int64)
    for name in ("valence", "arousal", "second"):
        columns[name] = joined(name, np.float64)
    for d in ("valence", "arousal"):
        half = np.nan if (w := half_width.get(d)) is None else w
        columns[f"{d}_low"], columns[f"{d}_high"] = columns[d] - half, columns[d] + half
    columns |= {name: joined(name, np.float64) for name in ("ood_score", "disagreement")}
    columns["n_notes"] = joined("n_notes", np.int64)
    columns["thinned"] = joined("n_kept", np.int64) < columns["n_notes"]
    columns["off_grid"] = joined("shift", np.float64) >= off_grid
    return pd.DataFrame(columns)[list(BARS.columns)]


def song_row(row: dict[str, Any]) -> dict[str, Any]:
    """One row of `SONG_TABLE`."""
    found: dict[str, Any] = {
        "md5": row["md5"],
        "name": row["name"],
        "n_bars": len(row["bar_number"]),
        "seconds": float(row["second"][-1]),
    }
    for d in ("valence", "arousal"):
        values: NDArray[np.float64] = np.asarray(row[d], np.float64)
        place = np.linspace(-0.5, 0.5, len(values)) if len(values) > 1 else np.zeros(1)
        lag = lag_one(values, np.zeros(len(values), np.int64)) if len(values) > 2 else None
        found |= {d: values.mean(), f"{d}_sd": values.std(), f"{d}_lag1": np.nan if lag is None else lag}
        found[f"{d}_slope"] = float(place @ values / max(float(place @ place), 1e-12)) if len(values) > 1 else 0.0
    found |= {name: row[name] for name in ("tempo", "notes_per_beat", "velocity", "pitch", "mode")}
    found["ood_score"] = float(np.median(row["ood_score"]))
    found["thinned"] = float((np.asarray(row["n_kept"]) < np.asarray(row["n_notes"])).mean())
    return found | {name: row[name] for name in ("keeps_a_grid", "styles", "title", "artist")}
