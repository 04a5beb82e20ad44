"""Codec tokens of one corpus."""

from pathlib import Path
from typing import Any

from sonoscope.contracts import write_json
from sonoscope.contracts.world import CLIPS, TOKENS
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.replay import encode_clips, read_clips
from sonoscope.symbolic.syntheory import SECONDS


def main(clips: Path, language_model: Path, tokens: Path, skipped: Path, model: str, batch: int) -> dict[str, Any]:
    """Encode ``clips`` in the order of their table; rows that cannot be read are listed in ``skipped``."""
    musicgen = load_musicgen(language_model, model)
    audio, bad = read_clips(CLIPS.read(clips), musicgen.sample_rate, SECONDS)
    codes = encode_clips(musicgen, audio, batch)
    header = {
        "model": model,
        "revision": musicgen.revision,
        "frame_rate": str(musicgen.frame_rate),
        "cardinality": str(musicgen.cardinality),
    }
    TOKENS.write(tokens, {"tokens": codes}, header)
    write_json(skipped, [{"item": item, "reason": "unreadable audio", "file": str(clips)} for item in bad])
    return {"revision": musicgen.revision}


if __name__ == "__main__":
    run(main)
