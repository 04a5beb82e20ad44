"""Label files of published corpora, read with care: encodings, header spaces, missing columns."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path


class LabelFileError(ValueError):
    """A label file cannot be used at all."""


def read_rows(path: Path, columns: Sequence[str] = ()) -> list[dict[str, str]]:
    """Rows of a CSV file by stripped column names; a cell that a short row lacks is empty.

    Raises
    ------
    LabelFileError
        The file is not text in UTF-8 (with or without mark), or lacks one of ``columns``.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise LabelFileError(f"{path}: expected CSV in UTF-8, found {error}; convert the file") from None
    header = [name.strip() for name in rows[0]] if rows else []
    missing = [c for c in columns if c not in header]
    if missing:
        raise LabelFileError(f"{path}: expected column {', '.join(missing)}, found {', '.join(header) or 'nothing'}")
    padded = ((row + [""] * len(header))[: len(header)] for row in rows[1:] if row)
    return [dict(zip(header, (cell.strip() for cell in row), strict=True)) for row in padded]


def write_rows(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a small CSV file into a folder that is still being built."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
