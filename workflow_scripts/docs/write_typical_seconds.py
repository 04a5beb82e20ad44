"""Write what the jobs of each rule took in a run: the weights by which later runs say how long they will take."""

from pathlib import Path

from sonoscope.contracts import write_json
from sonoscope.job import run
from sonoscope.remaining import weights


def main(results: Path, target: Path = Path("resources/measured/seconds.json")) -> None:
    """Read the diary of the folder ``results`` and write ``target``."""
    found = weights(target, results / "manifest.jsonl")
    write_json(target, {rule: round(seconds, 1) for rule, seconds in sorted(found.items())})


if __name__ == "__main__":
    run(main)
