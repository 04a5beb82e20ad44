"""One share of a corpus through a MusicGen: clips to tokens, tokens to pooled hidden states."""

import shutil
from pathlib import Path

from sonoscope.contracts import write_json
from sonoscope.contracts.world import CLIPS, HIDDEN_STATES, TOKENS
from sonoscope.musicgen.interface import MusicGen
from sonoscope.musicgen.replay import encode_clips, pooled_hidden_states, read_clips
from sonoscope.sharing import empty, rows_of
from sonoscope.symbolic.syntheory import SECONDS


def encode_share(
    model: MusicGen, clips: Path, tokens: Path, skipped: Path, batch: int, share: int, shares: int
) -> None:
    """Write the tokens of one share of the rows of ``clips``, and which of them could not be read."""
    table = CLIPS.read(clips)
    own = rows_of(len(table), batch, share, shares)
    audio, bad = read_clips(table.iloc[own], model.sample_rate, SECONDS)
    header = {
        "model": model.name,
        "revision": model.revision,
        "frame_rate": str(model.frame_rate),
        "cardinality": str(model.cardinality),
    }
    TOKENS.write(tokens, {"tokens": encode_clips(model, audio, batch)} if len(audio) else empty(TOKENS), header)
    write_json(skipped, [{"item": item, "reason": "unreadable audio", "file": str(clips)} for item in bad])


def capture_share(model: MusicGen, tokens: Path, hidden_states: Path, batch: int, share: int, shares: int) -> None:
    """Write the pooled states of one share of the rows of ``tokens``, replayed under null text."""
    codes = TOKENS.read(tokens)[0]["tokens"]
    codes = codes[rows_of(len(codes), batch, share, shares)]
    layers, kept = range(model.num_layers), hidden_states.parent / "kept_hidden_states"
    header = {
        "model": model.name,
        "revision": model.revision,
        "layers": " ".join(map(str, layers)),
        "frame_rate": str(model.frame_rate),
        "condition": "null",
    }
    found = empty(HIDDEN_STATES)
    if len(codes):
        mean, last = pooled_hidden_states(model, codes, [None] * len(codes), layers, batch, kept)
        found = {"mean": mean, "last": last}
    HIDDEN_STATES.write(hidden_states, found, header)
    shutil.rmtree(kept, ignore_errors=True)
