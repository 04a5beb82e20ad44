"""Composed multi-track files in GigaMIDI's shards."""

from pathlib import Path
from typing import Any

from sonoscope.corpora.gigamidi import compose_gigamidi
from sonoscope.job import run
from sonoscope.settings.affect import ComposedGigamidi


def main(corpus: Path, settings: dict[str, Any], seed: int) -> None:
    """Compose files of several styles."""
    s = ComposedGigamidi.model_validate(settings["affect.gigamidi"])
    compose_gigamidi(corpus, s.files, seed, expressive=s.expressive)


if __name__ == "__main__":
    run(main)
