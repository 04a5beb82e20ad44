"""Labels of an annotated corpus, how well its raters agree, and what the causes of a composed one express."""

from pathlib import Path
from typing import Any

from sonoscope.affect.annotated import agreement_of_corpus, labels_of_corpus
from sonoscope.affect.labels import truths
from sonoscope.contracts import write_json
from sonoscope.contracts.affect import CLIPS
from sonoscope.job import run
from sonoscope.settings.affect import LabelMap


def main(
    folder: Path, clips: Path, labels: Path, truth: Path, raters: Path, corpus: str, settings: dict[str, Any], seed: int
) -> None:
    """Write ``{clip: {valence, arousal}}``, numbers for clips and lists for bars, and how well raters agree."""
    own, table = LabelMap.model_validate(settings["affect.labels"]), CLIPS.read(clips)
    write_json(labels, labels_of_corpus(corpus, folder, table, own))
    write_json(truth, truths(folder))
    write_json(raters, agreement_of_corpus(corpus, folder, table, seed))


if __name__ == "__main__":
    run(main)
