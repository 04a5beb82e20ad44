"""Say on the terminal which models are here, or that none was asked for."""

import logging
from pathlib import Path

from sonoscope.fetch.record import folder_of, read
from sonoscope.job import run
from sonoscope.logs import size
from sonoscope.settings.fetch import MODEL_NAMES

logger = logging.getLogger(__name__)


def main(fetched: list[Path]) -> None:
    """Read the records ``fetched`` and say what they hold."""
    for path in fetched:
        record = read(path)
        total = size(sum(file.size for file in record.files))
        logger.info("%s: %d files, %s, in %s", record.model, len(record.files), total, folder_of(path))
    if not fetched:
        logger.info(
            "fetch.models is empty, so there is nothing to fetch; name models in the configuration, for instance "
            "with --config 'fetch={models: [musicgen-small]}'. Known: %s",
            ", ".join(MODEL_NAMES),
        )


if __name__ == "__main__":
    run(main)
