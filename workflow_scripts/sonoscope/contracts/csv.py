"""Plain CSV, for tables that people open in a spreadsheet. What rules read from each other is Parquet."""

from pathlib import Path

import pandas as pd

from sonoscope.files import replacing


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write ``frame`` without its index; what is unknown is an empty field."""
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")
