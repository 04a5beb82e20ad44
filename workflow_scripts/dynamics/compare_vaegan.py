"""Experiment 9 beside experiment 5, and its scorecard."""

from pathlib import Path

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts import read_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics.comparisons import rows_of, summary_row
from sonoscope.job import run


def main(
    recon: Path, before: Path, health: Path, metrics: Path, diagnostic: Path, betavae: Path, summary: Path, rows: Path
) -> None:
    """Write ``summary.csv`` (this experiment first, then that of the β-VAE) and the scorecard ``rows``."""
    state, codec = read_json(health), read_json(before)
    about = {"codec": state["codec"], "teacher": state["teacher"]}
    about |= {"codec_log_mel_distance": codec["log_mel_distance"], "codec_stoi": codec["stoi"]}
    row = summary_row("vaegan", about, read_json(recon), state, read_json(metrics), read_json(diagnostic))
    named = {"experiment": "exp9_pocket_mimi_vae", "latent_dim": row["dim"]}
    table = pd.concat([pd.DataFrame([named | row]), pd.read_csv(betavae).assign(experiment="exp5_betavae")])
    write_csv(summary, table)
    source = ["compare_vaegan", "dynamics/compare_vaegan/summary.csv"]
    scorecard.write(rows, rows_of("dynamics.exp9", row, source, codec["log_mel_distance"]))


if __name__ == "__main__":
    run(main)
