"""The headline numbers of all experiments, and how fast training is beside a plain one."""

from pathlib import Path

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts import read_json, write_json
from sonoscope.dynamics import headlines
from sonoscope.dynamics.speed import compare_speed
from sonoscope.job import run
from sonoscope.settings.dynamics import Dynamics


def main(
    metrics: Path, injection: Path, finetuned: Path, lags: Path, trajectories: Path, components: Path, rows: Path,
    speed: Path, settings: Dynamics, seed: int,
) -> None:  # fmt: skip
    """Write the scorecard ``rows``, and the measured ``speed``."""
    found = compare_speed(settings.fit, settings.window, settings.horizons, settings.speed_dim)
    write_json(speed, found)
    model, k = settings.rollout.model, settings.rollout.k
    scorecard.write(
        rows,
        [
            *headlines.experiment1_rows(read_json(metrics), settings.resamples, seed),
            *headlines.experiment1b_rows(read_json(finetuned)),
            *headlines.experiment2_rows(read_json(injection)),
            *headlines.experiment3_rows(pd.read_csv(lags)),
            *headlines.experiment3b_rows(pd.read_csv(trajectories), settings.resamples, seed),
            *headlines.experiment4_rows(pd.read_csv(components), model, k),
            headlines.speed_row(found),
        ],
    )


if __name__ == "__main__":
    run(main)
