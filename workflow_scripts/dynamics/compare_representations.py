"""Experiment 3: codecs side by side at equal lags in time, on standardised errors."""

from pathlib import Path

from sonoscope.contracts import read_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics.experiment3 import Sequences, lag_table, summary_table
from sonoscope.job import run
from sonoscope.settings.dynamics import Dynamics


def main(
    latents: list[Path], index: list[Path], metrics: list[Path], diagnostics: list[Path], summary: Path, lags: Path,
    settings: Dynamics, seed: int,
) -> None:  # fmt: skip
    """Write ``summary.csv``, one row per codec, and ``lags.csv``, one row per codec and lag."""
    n = settings.shards
    codecs = [
        Sequences.open(name, latents[i * n : (i + 1) * n], index[i * n : (i + 1) * n])
        for i, name in enumerate(settings.codecs)
    ]
    table = lag_table(codecs, settings.representations, settings.resamples, seed)
    write_csv(lags, table)
    found = [read_json(path) for path in metrics]
    write_csv(summary, summary_table(codecs, found, [read_json(p) for p in diagnostics], table, settings.rollout.model))


if __name__ == "__main__":
    run(main)
