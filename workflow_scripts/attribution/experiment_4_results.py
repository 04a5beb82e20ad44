"""Table and figure of experiment 4 from stored files: ``experiment_4_results.py OUTPUT TRAINING [TRAINING …]``."""

import sys
from pathlib import Path

from sonoscope import logs
from sonoscope.attribution.outcome import write_results

if __name__ == "__main__":
    logs.set_up()
    sys.exit(write_results([Path(word) for word in sys.argv[1:]], "prompt"))
