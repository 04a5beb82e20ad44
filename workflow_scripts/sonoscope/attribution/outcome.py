"""Results of an experiment as files beside it."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sonoscope.attribution.experiments import draw, results
from sonoscope.contracts.attribution import EXPERIMENT
from sonoscope.errors import SonoscopeError, sentence
from sonoscope.files import replacing

log = logging.getLogger(__name__)


def write_results(paths: Sequence[Path], by: Literal["duration", "prompt"]) -> int:
    """Write results.parquet, .csv and .svg beside an experiment's output; returns the exit code."""
    if len(paths) < 2:
        log.error("expected the output of an experiment and at least one store of training embeddings")
        return 2
    try:
        output, *training = paths
        frame = results(output, training)
        folder = output if (output / "clips.parquet").is_file() else output.parent
        EXPERIMENT.write(folder / "results.parquet", frame)
        with replacing(folder / "results.csv") as temporary:
            frame.to_csv(temporary, index=False)
        with replacing(folder / "results.svg") as temporary:
            draw(frame, by).savefig(temporary)
        log.info("wrote %s", folder / "results.svg")
    except (SonoscopeError, FileNotFoundError) as error:
        log.error("%s", sentence(error))
        return 1
    return 0
