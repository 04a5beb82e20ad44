"""Experiment 5: the variants side by side, and their scorecard."""

from pathlib import Path

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts import read_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics.comparisons import rows_of, summary_row
from sonoscope.job import run
from sonoscope.settings.bottlenecks import Variant


def main(
    recon: list[Path], health: list[Path], metrics: list[Path], diagnostics: list[Path], summary: Path, rows: Path,
    variants: dict[str, Variant],
) -> None:  # fmt: skip
    """Write ``summary.csv``, one row per variant, and the scorecard ``rows``."""
    found, cards = [], []
    for (name, weights), *paths in zip(variants.items(), recon, health, metrics, diagnostics, strict=True):
        own = Variant.model_validate(weights)
        about = {"beta": own.beta, "lambda_smooth": own.smooth, "lambda_pred": own.pred, "divergence": own.divergence}
        row = summary_row(name, about, *(read_json(path) for path in paths))
        found.append(row)
        cards += rows_of(f"dynamics.exp5.{name}", row, ["compare_betavae", "dynamics/compare_betavae/summary.csv"])
    write_csv(summary, pd.DataFrame(found))
    scorecard.write(rows, cards)


if __name__ == "__main__":
    run(main)
