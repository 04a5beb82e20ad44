"""Every bar of an annotated corpus: MuseTok's vectors, features by hand, and the control of random weights."""

from pathlib import Path
from typing import Any

from sonoscope.affect.annotated import encode_corpus
from sonoscope.contracts import write_json
from sonoscope.contracts.affect import CLIPS
from sonoscope.job import run
from sonoscope.musetok.loading import load_musetok
from sonoscope.settings.affect import BarReading
from sonoscope.settings.musetok import Encoding


def main(
    folder: Path, weights: Path, latents: Path, clips: Path, skipped: Path,
    corpus: str, model: str, settings: dict[str, Any], seed: int, threads: int,
) -> dict[str, Any]:  # fmt: skip
    """Write one file per clip into ``latents/{split}``, the table of clips, and what was left out."""
    encoding = Encoding.model_validate(settings["musetok.encoding"])
    reading = BarReading.model_validate(settings["affect.reading"])
    musetok, revision = load_musetok(weights)
    about = {"model": model, "revision": revision}
    table, left_out = encode_corpus(corpus, folder, latents, musetok, about, encoding, reading, seed, threads)
    CLIPS.write(clips, table)
    write_json(skipped, [item._asdict() for item in left_out])
    return {"revision": revision, "clips": len(table), "bars": int(table.n_bars.sum())}


if __name__ == "__main__":
    run(main)
