"""Gradient embeddings of songs and clips, and who made this: see ``--help``."""

import logging
import sys

from sonoscope import logs
from sonoscope.attribution.command import main
from sonoscope.errors import SonoscopeError, sentence

if __name__ == "__main__":
    logs.set_up()
    try:
        sys.stdout.write(main() + "\n")
    except (SonoscopeError, FileNotFoundError) as error:
        logging.getLogger(__name__).error("%s", sentence(error))
        sys.exit(1)
