"""Where a text's influence passes: layers, heads, directions, and what parts of blocks are worth."""

from pathlib import Path
from typing import Any

import numpy as np

from sonoscope.contracts.interpretability import HEARD, PATCHES, PIECES
from sonoscope.contracts.world import TOKENS
from sonoscope.interpretability.patches import patch_table
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.interpretability import Patching


def main(
    pieces: Path, heard: Path, tokens: Path, language_model: Path, patches: Path, model: str, settings: Patching,
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the table of patches."""
    loaded, table = load_musicgen(language_model, model), PIECES.read(pieces)
    free = (table["arm"] == "free").to_numpy()
    null, codes = HEARD.read(heard)[0]["null"][free], TOKENS.read(tokens)[0]["tokens"][free]
    PATCHES.write(patches, patch_table(loaded, table[free], null, codes, settings, np.random.default_rng(seed)))
    return {"revision": loaded.revision}


if __name__ == "__main__":
    run(main)
