"""The annotations of all jobs as one table, after checking that every file stands in it exactly once."""

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
_AT_ONCE = 20_000
"""Files held at once."""


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
    summaries: list[dict[str, Any]] = []
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
            block = pd.concat([bar_rows(r, half_width, off_grid) for r in kept], ignore_index=True)
            table = BARS.to_arrow(block)
            writer = writer or stack.enter_context(pq.ParquetWriter(bars_path, table.schema))
            writer.write_table(table)
            text(block)
            summaries += [song_row(r) for r in kept]
        if writer is None:
            raise MergeError("no file of the corpus could be annotated; the list of what was left out says why")
    SONG_TABLE.write(songs, pd.DataFrame(summaries, columns=list(SONG_TABLE.columns)))
    log.info("%d songs with annotations, %d files without", len(summaries), len(skipped))
    return skipped


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
    return _stretches(tables)


def _stretches(tables: Sequence[Path]) -> Iterator[pd.DataFrame]:
    """Rows in the order of the corpus, a few thousand at a time, whatever job made them."""
    where = pd.concat(
        [pd.DataFrame({"order": pq.read_table(p, columns=["order"])["order"].to_numpy(), "table": k})
         for k, p in enumerate(tables)]
    )  # fmt: skip
    where["row"] = where.groupby("table").cumcount()
    where = where.sort_values("order")
    whole = {k: SONGS.read(p) for k, p in enumerate(tables)} if len(where) <= _AT_ONCE else None
    for first in range(0, len(where), _AT_ONCE):
        block = where.iloc[first : first + _AT_ONCE]
        frames = []
        for k in sorted(set(block["table"])):
            rows = block[block["table"] == k]
            frame = whole[k] if whole else SONGS.read(tables[k])
            frames.append(frame.iloc[rows["row"].to_numpy()])
        yield pd.concat(frames).sort_values("order", ignore_index=True)


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


def bar_rows(row: dict[str, Any], half_width: dict[str, float | None], off_grid: float) -> pd.DataFrame:
    """One row per bar, as `BARS` declares."""
    columns: dict[str, Any] = {"md5": row["md5"], "bar_number": np.asarray(row["bar_number"], np.int64)}
    for d in ("valence", "arousal"):
        columns[d] = np.asarray(row[d], np.float64)
    columns["second"] = np.asarray(row["second"], np.float64)
    for d in ("valence", "arousal"):
        half = np.nan if (w := half_width.get(d)) is None else w
        columns[f"{d}_low"], columns[f"{d}_high"] = columns[d] - half, columns[d] + half
    columns |= {"ood_score": np.asarray(row["ood_score"]), "disagreement": np.asarray(row["disagreement"])}
    columns["n_notes"] = np.asarray(row["n_notes"], np.int64)
    columns["thinned"] = np.asarray(row["n_kept"]) < columns["n_notes"]
    columns["off_grid"] = np.asarray(row["shift"]) >= off_grid
    return pd.DataFrame(columns)


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
