"""Sparse autoencoders of one layer, measured on held-out clips and inside the model, in SAELens's layout."""

from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts.interpretability import DICTIONARIES, PIECES
from sonoscope.contracts.world import TOKENS
from sonoscope.interpretability.dictionaries import measure_kind, store_of
from sonoscope.interpretability.rows import dictionary_rows
from sonoscope.interpretability.sae_files import export_sae
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.provenance import portable
from sonoscope.settings.interpretability import Dictionary


def main(
    pieces: Path, tokens: Path, shards: Path, language_model: Path, table: Path, rows: Path, dictionaries: Path,
    model: str, settings: Dictionary,
) -> dict[str, Any]:  # fmt: skip
    """Write one folder per kind below ``dictionaries``, the table and the rows."""
    loaded = load_musicgen(language_model, model)
    store, codes = store_of(shards, settings.depth, loaded.num_layers), TOKENS.read(tokens)[0]["tokens"]
    groups = PIECES.read(pieces)["group"].tolist()
    found = []
    for kind in settings.kinds:
        sae, row = measure_kind(kind, store, loaded, codes, groups, settings)
        hook = f"blocks.{row['layer']}.hook_resid_post"
        export_sae(sae, dictionaries / kind, {"model_name": model, "hook_name": hook, "revision": loaded.revision})
        found.append(row)
    frame = pd.DataFrame(found)
    DICTIONARIES.write(table, frame)
    scorecard.write(rows, dictionary_rows(frame, ("rule train_dictionaries", portable(table))))
    return {"revision": loaded.revision}


if __name__ == "__main__":
    run(main)
