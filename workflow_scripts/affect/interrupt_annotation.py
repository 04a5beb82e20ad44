"""Annotation killed again and again, compared with annotation left alone."""

import shutil
from pathlib import Path
from typing import Any

from sonoscope import scorecard
from sonoscope.affect.annotation import Annotator
from sonoscope.affect.bundle import load_bundle
from sonoscope.affect.interruption import interrupt
from sonoscope.affect.sources import Source
from sonoscope.corpora.gigamidi import compose_gigamidi
from sonoscope.job import run
from sonoscope.musetok.loading import load_musetok
from sonoscope.settings.affect import BarReading
from sonoscope.settings.musetok import Encoding

FILES, SONGS, KILLS = 40, 4, 5


def main(bundle: Path, weights: Path, rows: Path, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """Write the row ``affect.exactly_once``: 1 if it held."""
    folder = rows.parent / "work"
    shutil.rmtree(folder, ignore_errors=True)
    compose_gigamidi(folder / "corpus", FILES, seed)
    musetok, _ = load_musetok(weights)
    encoding, reading = (
        Encoding.model_validate(settings["musetok.encoding"]),
        BarReading.model_validate(settings["affect.reading"]),
    )
    annotator = Annotator(musetok, load_bundle(bundle), encoding, reading)
    source = Source(str(folder / "corpus"))
    found = interrupt(source, list(source.units(SONGS)), annotator, folder, KILLS, seed)
    shutil.rmtree(folder)
    row = scorecard.measure(
        "affect.exactly_once",
        float(found.exactly_once),
        n=found.kills,
        target=1.0,
        sources=("rule interrupt_annotation",),
    )
    scorecard.write(rows, [row])
    return found._asdict()


if __name__ == "__main__":
    run(main)
