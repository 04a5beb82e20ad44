"""Composed piano pieces in VGMIDI's layout."""

from pathlib import Path
from typing import Any

from sonoscope.corpora.vgmidi import compose_vgmidi
from sonoscope.job import run
from sonoscope.settings.affect import ComposedVgmidi


def main(corpus: Path, settings: dict[str, Any], seed: int) -> None:
    """Compose pieces whose expression drifts, and raters who follow it."""
    s = ComposedVgmidi.model_validate(settings["affect.vgmidi"])
    compose_vgmidi(corpus, s.pieces, seed, raters=s.raters)


if __name__ == "__main__":
    run(main)
