"""Whether a MusicGen computes the same in both backends."""

from pathlib import Path

from sonoscope import scorecard
from sonoscope.job import run
from sonoscope.musicgen.agreement import agreement_rows
from sonoscope.musicgen.checkpoint import load_folder
from sonoscope.musicgen.transformers_backend import load_transformers


def main(language_model: Path, config: Path, rows: Path, model: str) -> None:
    """Compare the model in audiocraft's layout with its conversion, on the CPU in single precision."""
    ours, theirs = load_folder(language_model.parent, model), load_transformers(config.parent, model)
    scorecard.write(rows, agreement_rows(ours, theirs, ("rule compare_backends",)))


if __name__ == "__main__":
    run(main)
