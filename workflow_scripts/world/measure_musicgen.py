"""What is heard in a MusicGen's answers, and the scorecard of how well it learned the known world."""

from pathlib import Path

from sonoscope import scorecard
from sonoscope.contracts.learned import ANSWERS, HEARD
from sonoscope.job import run
from sonoscope.provenance import portable
from sonoscope.settings.measure_musicgen import MeasureMusicGen
from sonoscope.world.card import write_measures
from sonoscope.world.listening import listen
from sonoscope.world.rows import learned_rows


def main(clips: Path, scores: Path, rows: Path, card: Path, settings: MeasureMusicGen, seed: int) -> None:
    """Write what is heard in ``clips``, its rows, and the table of a model card."""
    heard = listen(ANSWERS.read(clips), settings, seed)
    HEARD.write(scores, heard)
    learned = learned_rows(heard, settings, seed, ("rule measure_musicgen", portable(scores)))
    scorecard.write(rows, learned)
    write_measures(card, learned)


if __name__ == "__main__":
    run(main)
