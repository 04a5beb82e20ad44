"""Composed piano clips in EMOPIA's layout."""

from pathlib import Path
from typing import Any

from sonoscope.corpora.emopia import compose_emopia
from sonoscope.job import run
from sonoscope.settings.affect import ComposedEmopia


def main(corpus: Path, settings: dict[str, Any], seed: int) -> None:
    """Compose songs, each of several clips."""
    s = ComposedEmopia.model_validate(settings["affect.emopia"])
    compose_emopia(corpus, s.songs, seed, seconds=s.seconds, label_noise=s.label_noise, transcribed=s.transcribed)


if __name__ == "__main__":
    run(main)
