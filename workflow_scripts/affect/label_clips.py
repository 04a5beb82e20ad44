"""Labels of an annotated corpus, and what the causes of a composed one express."""

from pathlib import Path
from typing import Any

from sonoscope.affect.annotated import labels_of_corpus
from sonoscope.affect.labels import truths
from sonoscope.contracts import write_json
from sonoscope.contracts.affect import CLIPS
from sonoscope.job import run
from sonoscope.settings.affect import LabelMap


def main(folder: Path, clips: Path, labels: Path, truth: Path, corpus: str, settings: dict[str, Any]) -> None:
    """Write ``{clip: {valence, arousal}}``, numbers for clips and lists for bars."""
    own = LabelMap.model_validate(settings["affect.labels"])
    write_json(labels, labels_of_corpus(corpus, folder, CLIPS.read(clips), own))
    write_json(truth, truths(folder))


if __name__ == "__main__":
    run(main)
