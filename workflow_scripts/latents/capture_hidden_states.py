"""Hidden states of a teacher-forced replay of one corpus, under null text."""

import shutil
from pathlib import Path
from typing import Any

from sonoscope.contracts.world import HIDDEN_STATES, TOKENS
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.replay import pooled_hidden_states


def main(tokens: Path, language_model: Path, hidden_states: Path, model: str, batch: int) -> dict[str, Any]:
    """Write the block outputs of all layers, pooled over time, one row per clip."""
    musicgen = load_musicgen(language_model, model)
    codes = TOKENS.read(tokens)[0]["tokens"]
    layers = range(musicgen.num_layers)
    kept = hidden_states.parent / "kept_hidden_states"
    mean, last = pooled_hidden_states(musicgen, codes, [None] * len(codes), layers, batch, kept)
    header = {
        "model": model,
        "revision": musicgen.revision,
        "layers": " ".join(map(str, layers)),
        "frame_rate": str(musicgen.frame_rate),
        "condition": "null",
    }
    HIDDEN_STATES.write(hidden_states, {"mean": mean, "last": last}, header)
    shutil.rmtree(kept)
    return {"revision": musicgen.revision}


if __name__ == "__main__":
    run(main)
