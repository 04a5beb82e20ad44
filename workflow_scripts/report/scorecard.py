"""Write the scorecard as a table, which the call that asked for it prints when it ends."""

from pathlib import Path

from sonoscope import scorecard
from sonoscope.job import run


def main(rows: Path, table: Path) -> None:
    """Write ``rows`` to ``table`` in Markdown with padded columns."""
    scorecard.write_table(table, scorecard.read(rows))


if __name__ == "__main__":
    run(main)
