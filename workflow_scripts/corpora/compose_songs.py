"""Composed artists with several songs each, in audiocraft's layout of a data set."""

import shutil
from pathlib import Path
from typing import Any

from sonoscope.corpora.artists import compose_songs
from sonoscope.job import run
from sonoscope.settings.corpora import Songs


def main(manifest: Path, settings: dict[str, Any], seed: int) -> None:
    """Write the folder of ``manifest``; what a killed job left of it is removed first."""
    s = Songs.model_validate(settings["songs"])
    shutil.rmtree(manifest.parent, ignore_errors=True)
    compose_songs(manifest.parent, s.artists, s.songs, (s.shortest, s.longest), settings["sample_rate"], seed)


if __name__ == "__main__":
    run(main)
