"""What jobs left out: every list of skipped items below the results."""

from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope.contracts import read_json
from sonoscope.contracts.skipped import SKIPPED
from sonoscope.report.blocks import Column, Table, present
from sonoscope.report.results import Results
from sonoscope.report.sources import short_path


def skipped_table(results: Results) -> Table | None:
    """All ``skipped.parquet`` and ``skipped.json`` in one table; None where nothing was skipped.

    Raises
    ------
    ContractError
        A list has other columns than item, reason and file.
    """
    paths = sorted(results.find("**/skipped.parquet") + results.find("**/skipped.json"))
    frames = [_read(path).assign(where=short_path(path.as_posix(), results.root).rpartition("/")[0]) for path in paths]
    frames = [f for f in frames if len(f)]
    if not frames:
        return None
    whole = pd.concat(frames, ignore_index=True)
    whole["file"] = [short_path(f, results.root) if isinstance(f, str) else "" for f in whole.file]
    columns = {
        "item": Column("Item"),
        "reason": Column("Reason"),
        "file": Column("File"),
        "where": Column("Left out by"),
    }
    sources = present(*(results.source(p) for p in paths))
    return Table("skipped", "Skipped items", whole, columns, sources=sources)


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return SKIPPED.read(path)
    content: Any = read_json(path)
    frame = pd.DataFrame(content, columns=None if content else list(SKIPPED.columns))
    if "file" not in frame:
        frame["file"] = None
    SKIPPED.check(frame, path)
    return frame
