"""Fine-tune the MusicGen on sets of songs, with checkpoints kept: all songs, pairs, random halves."""

from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope.attribution.songs import songs_of, windows_of
from sonoscope.attribution.training import train_variants
from sonoscope.attribution.variants import choose, variants
from sonoscope.contracts import write_json
from sonoscope.contracts.corpora import SONGS
from sonoscope.contracts.skipped import SKIPPED
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Attribution


def main(
    songs: Path, language_model: Path, records: Path, skipped: Path, model: str, part: str, folder: str,
    settings: Attribution, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Train what ``part`` (songs, pairs or subsets) names, below the folder of ``records``."""
    table = SONGS.read(songs)
    loaded = load_musicgen(language_model, model)
    found, left_out = windows_of(loaded, songs_of(table, Path(folder)), settings.embedding.window, settings.seconds)
    choice = choose(table[table.song_id.isin({w.song_id for w in found})], settings)
    chosen = [v for v in variants(choice, settings, seed) if v.part == part]
    about = train_variants(loaded, language_model.parent, found, chosen, seed, records.parent)
    SKIPPED.write(skipped, pd.DataFrame(left_out, columns=["item", "reason", "file"]))
    write_json(records, {"trained": choice.trained, "decoys": choice.decoys, "pairs": choice.pairs, "variants": about})
    return {"revision": loaded.revision, "fine-tunes": len(about)}


if __name__ == "__main__":
    run(main)
