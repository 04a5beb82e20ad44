"""Generate and embed the clips of an experiment: ``experiment_runner.py --config experiment_1.yaml``."""

import logging
from pathlib import Path

from sonoscope.attribution.experiments import run_experiment
from sonoscope.job import run


def main(config: Path, output: Path = Path()) -> None:
    """Write a folder, called after the experiment and the time, below ``output``."""
    logging.getLogger(__name__).info("wrote %s", run_experiment(config, output))


if __name__ == "__main__":
    run(main)
