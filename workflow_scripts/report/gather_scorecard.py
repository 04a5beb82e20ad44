"""Bring the scorecard rows of all studies together."""

from pathlib import Path

from sonoscope import scorecard
from sonoscope.job import run


def main(parts: list[Path], rows: Path, table: Path) -> None:
    """Gather the rows.

    Parameters
    ----------
    parts
        Scorecards of the studies.
    rows
        All rows, sorted by name, to write.
    table
        The same as a Markdown table, to write.
    """
    found = scorecard.gather(parts)
    scorecard.write(rows, found)
    scorecard.write_table(table, found)


if __name__ == "__main__":
    run(main)
