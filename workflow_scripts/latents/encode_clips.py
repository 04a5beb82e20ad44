"""Codec tokens of one corpus."""

from pathlib import Path
from typing import Any

from sonoscope.contracts import read_json, write_json
from sonoscope.contracts.world import TOKENS
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.shares import encode_share
from sonoscope.sharing import merge_tensors


def main(
    clips: Path, language_model: Path, parts: list[Path], tokens: Path, skipped: Path, model: str, batch: int
) -> dict[str, Any]:
    """Encode ``clips`` in the order of their table, or merge ``parts``; rows that cannot be read are in ``skipped``."""
    if not parts:
        musicgen = load_musicgen(language_model, model)
        encode_share(musicgen, clips, tokens, skipped, batch, 0, 1)
        return {"revision": musicgen.revision}
    merge_tensors(TOKENS, parts, tokens)
    write_json(skipped, [item for part in parts for item in read_json(part.with_name("skipped.json"))])
    return {"revision": TOKENS.read(tokens)[1]["revision"]}


if __name__ == "__main__":
    run(main)
