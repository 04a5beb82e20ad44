"""Where results and downloads live: the one module that knows a path of this machine.

``SONOSCOPE_STORAGE`` names a folder, for instance on a large disk of a cluster. Without it, the working directory is
meant, and all paths stay relative.
"""

import os
from pathlib import Path

WORKFLOW = Path(__file__).resolve().parents[2]
"""The folder of the Snakefile."""

VARIABLE = "SONOSCOPE_STORAGE"
"""The environment variable that names the storage folder."""


def root() -> Path:
    """Give the storage folder: ``$SONOSCOPE_STORAGE`` made absolute, or ``.``."""
    named = os.environ.get(VARIABLE, "").strip()
    return Path(named).expanduser().absolute() if named else Path()


def resources() -> Path:
    """Give the folder of the shipped models and tables; relative where the workflow is run in its own folder."""
    return Path("resources") if Path.cwd() == WORKFLOW else WORKFLOW / "resources"


def results(run: str) -> Path:
    """Give the folder of everything that one run makes."""
    return root() / "results" / run


def downloads() -> Path:
    """Give the folder of fetched models and corpora, shared by all runs."""
    return root() / "resources" / "downloads"
