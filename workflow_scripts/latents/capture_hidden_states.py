"""Hidden states of a teacher-forced replay of one corpus, under null text."""

from pathlib import Path
from typing import Any

from sonoscope.contracts.world import HIDDEN_STATES
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.shares import capture_share
from sonoscope.sharing import merge_tensors


def main(
    tokens: Path, language_model: Path, parts: list[Path], hidden_states: Path, model: str, batch: int
) -> dict[str, Any]:
    """Write the block outputs of all layers, pooled over time, one row per clip; or merge ``parts``."""
    if not parts:
        musicgen = load_musicgen(language_model, model)
        capture_share(musicgen, tokens, hidden_states, batch, 0, 1)
        return {"revision": musicgen.revision}
    merge_tensors(HIDDEN_STATES, parts, hidden_states)
    return {"revision": HIDDEN_STATES.read(hidden_states)[1]["revision"]}


if __name__ == "__main__":
    run(main)
