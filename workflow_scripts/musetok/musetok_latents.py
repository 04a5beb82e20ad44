"""Every bar of a corpus as MuseTok's vectors and codes."""

from pathlib import Path
from typing import Any

from sonoscope.contracts import write_json
from sonoscope.contracts.musetok import BARS, LATENTS
from sonoscope.corpora.skipped import Skipped
from sonoscope.job import run
from sonoscope.musetok.corpus import bar_table, midi_items, read_corpus
from sonoscope.musetok.latents import encode_bars
from sonoscope.musetok.loading import load_musetok
from sonoscope.settings.musetok import Encoding


def main(
    midi: Path, weights: Path, latents: Path, bars: Path, skipped: Path, model: str, settings: Encoding
) -> dict[str, Any]:
    """Write one row per bar; pieces that cannot be read are listed in ``skipped``."""
    left_out: list[Skipped] = []
    table, tokens = bar_table(read_corpus(midi_items(midi), settings.events, left_out))
    musetok, revision = load_musetok(weights)
    found = encode_bars(musetok, tokens, settings.batch_tokens)
    LATENTS.write(
        latents,
        {name: getattr(found, name) for name in LATENTS.tensors},
        {"model": model, "revision": revision},
    )
    BARS.write(bars, table)
    write_json(skipped, [item._asdict() for item in left_out])
    return {"revision": revision, "bars": len(tokens), "distinct_bars": found.distinct}


if __name__ == "__main__":
    run(main)
