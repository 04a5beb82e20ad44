"""Prompts that ask for emotions: the shipped table, or a user's CSV."""

import logging
from pathlib import Path
from typing import Literal

import pandas as pd

from sonoscope.contracts.corpora import PROMPTS
from sonoscope.corpora.rated_files import float_of
from sonoscope.corpora.skipped import Skipped
from sonoscope.corpora.text import read_rows

log = logging.getLogger(__name__)

Scale = Literal["signed", "unit"]
_RANGE: dict[Scale, tuple[float, float]] = {"signed": (-1, 1), "unit": (0, 1)}


def load_prompts(path: Path, scale: Scale = "signed") -> tuple[pd.DataFrame, list[Skipped]]:
    """Read a table of prompts; valence and arousal are moved to [-1, 1].

    Parameters
    ----------
    path : Path
        CSV with id, prompt, emotion, valence and arousal. Without a column template_id each prompt is its own template.
    scale : {"signed", "unit"}
        Range of the file's valence and arousal: from -1 to 1, or from 0 to 1.

    Returns
    -------
    DataFrame
        Fits `PROMPTS`, in the order of the file.
    list of Skipped
        A line for every row that could not be used.

    Raises
    ------
    LabelFileError
        The file is no CSV in UTF-8, or lacks a column.
    FileNotFoundError
        There is no such file.
    """
    low, high = _RANGE[scale]
    rows: list[tuple[object, ...]] = []
    skipped: list[Skipped] = []
    seen: set[str] = set()
    for number, row in enumerate(read_rows(path, ("id", "prompt", "emotion", "valence", "arousal")), start=2):
        name = row["id"] or f"line {number}"
        try:
            if not row["id"] or not row["prompt"]:
                raise ValueError("expected an id and a prompt, found an empty cell")
            if row["id"] in seen:
                raise ValueError("the id stands twice; the first row was kept")
            values = (float_of(row[d], low, high) or 0.0 for d in ("valence", "arousal"))
            valence, arousal = (2 * (v - low) / (high - low) - 1 for v in values)
        except ValueError as error:
            skipped.append(Skipped(name, str(error), path.name))
            continue
        seen.add(row["id"])
        rows.append((row["id"], row["prompt"], row["emotion"], valence, arousal, row.get("template_id") or row["id"]))
    table = pd.DataFrame(rows, columns=list(PROMPTS.columns))
    PROMPTS.check(table)
    log.info("%s: %d prompts, %d rows skipped", path, len(table), len(skipped))
    return table, skipped
