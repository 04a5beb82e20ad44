"""Latents of one shard of a speech corpus by one codec."""

from pathlib import Path
from typing import Any

from sonoscope.codecs.loading import load_codec
from sonoscope.contracts.speech import UTTERANCES
from sonoscope.corpora.speech import folder_of
from sonoscope.dynamics.encoding import encode_all, shard_of, speech_index, tier_of, unit_of, write_shard
from sonoscope.job import run
from sonoscope.train.speech import clips


def main(
    codec_file: Path, corpus: list[Path], utterances: Path, latents: Path, index: Path, codec: str, shard: int,
    shards: int = 1,
) -> dict[str, Any]:  # fmt: skip
    """Write the ``latents`` and ``index`` of one share of the utterances, frame rate and unit in the header."""
    model = load_codec(codec_file, codec)
    table = shard_of(UTTERANCES.read(utterances), shard, shards)
    found, energy = encode_all(model, clips(table, folder_of(corpus[0]), model.sample_rate))
    header = {"source": codec, "frame_rate": f"{model.frame_rate:g}", "unit": unit_of(codec), "tier": tier_of(codec)}
    write_shard(latents, index, found, energy, speech_index(table, codec), header)
    return {"codec": model.name, "frame_rate": model.frame_rate, "dim": model.dim, "corpus": folder_of(corpus[0]).name}


if __name__ == "__main__":
    run(main)
