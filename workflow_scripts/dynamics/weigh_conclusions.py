"""Every published conclusion beside the numbers that bear on it, and how long the study took."""

import json
from pathlib import Path

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts import read_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics.conclusions import counts, table
from sonoscope.job import run


def main(
    scorecards: list[Path], metrics: Path, betavae: Path, conclusions: Path, rows: Path, benchmarks: Path,
    jobs: list[str], corpus: str, most_seconds: float | None = None,
) -> dict[str, int]:  # fmt: skip
    """Write ``conclusions.csv`` and the scorecard ``rows``; seconds are those of the latest run of each job."""
    found = {row.name: row for row in scorecard.gather(scorecards)}
    bottleneck = str(pd.read_csv(betavae).tier.iloc[0])
    tiers = {"1": read_json(metrics)[0]["tier"]} | dict.fromkeys(("5", "8", "9", "10", "11"), bottleneck)
    frame = table(found, tiers, corpus)
    write_csv(conclusions, frame)
    paths = [p for job in jobs for p in (benchmarks / f"{job}.jsonl", *(benchmarks / job).rglob("*.jsonl"))]
    taken = [json.loads(p.read_text().splitlines()[-1])["s"] for p in paths if p.is_file()]
    spent = [
        scorecard.measure("dynamics.seconds", sum(taken), n=len(taken), target=most_seconds, better="lower",
                          sources=["weigh_conclusions"])
    ] if taken else []  # fmt: skip
    scorecard.write(rows, spent)
    return counts(frame)


if __name__ == "__main__":
    run(main)
