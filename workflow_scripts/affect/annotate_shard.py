"""Valence and arousal of every bar of one share of the files."""

from pathlib import Path
from typing import Any

from sonoscope.affect.annotation import Annotator, annotate_units, gathered, work_key
from sonoscope.affect.bundle import bundle_digest, check_musetok, load_bundle
from sonoscope.affect.sources import Source
from sonoscope.contracts.affect import SONGS
from sonoscope.job import run
from sonoscope.musetok.loading import load_musetok
from sonoscope.settings.affect import Annotate, BarReading
from sonoscope.settings.musetok import Encoding


def main(
    bundle: Path, weights: Path, songs: Path, source: str, shard: int, settings: dict[str, Any], threads: int
) -> dict[str, Any]:
    """Annotate what has no part yet; parts lie beside the shards and outlive the job."""
    annotate = Annotate.model_validate(settings["affect.annotate"])
    encoding, reading = (
        Encoding.model_validate(settings["musetok.encoding"]),
        BarReading.model_validate(settings["affect.reading"]),
    )
    musetok, revision = load_musetok(weights)
    model = load_bundle(bundle)
    check_musetok(model, bundle, revision)
    annotator = Annotator(musetok, model, encoding, reading, annotate.smoothing, threads)
    key = work_key(
        bundle_digest(bundle),
        revision,
        [encoding.model_dump(mode="json"), reading.model_dump(mode="json"), annotate.smoothing],
    )
    parts = songs.parent.parent / "parts" / key
    corpus = Source(source)
    units = list(corpus.units(annotate.songs, shard, annotate.shards))
    annotate_units(corpus, units, annotator, parts)
    SONGS.write(songs, gathered(units, parts))
    return {"revision": revision, "units": len(units), "parts": key}


if __name__ == "__main__":
    run(main, network=True)
