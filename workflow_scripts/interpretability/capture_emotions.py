"""Hidden states of pieces that are replayed and of clips that are generated, with one load of the model."""

from pathlib import Path
from typing import Any

from sonoscope.contracts import write_json
from sonoscope.contracts.corpora import PROMPTS
from sonoscope.contracts.interpretability import GENERATED, GENERATED_STATES, HEARD, PIECES
from sonoscope.contracts.world import TOKENS
from sonoscope.interpretability.capture import generate_clips, replay_pieces
from sonoscope.interpretability.describe import STATISTICS
from sonoscope.interpretability.heard import all_texts, chosen_prompts
from sonoscope.job import run
from sonoscope.musicgen.interface import Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.replay import encode_clips, read_clips
from sonoscope.settings.interpretability import EmotionClips
from sonoscope.settings.musicgen import MusicGen


def main(
    pieces: Path, prompts: Path, language_model: Path, heard: Path, tokens: Path, clips: Path, states: Path,
    speed: Path, shards: Path, model: str, settings: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Write pooled states, tokens, and the frame-level store of one layer."""
    musicgen, emotions = (
        MusicGen.model_validate(settings["musicgen"]),
        EmotionClips.model_validate(settings["interpretability.emotions"]),
    )
    loaded, batch = load_musicgen(language_model, model), musicgen.batch
    header = {"model": model, "revision": loaded.revision, "frame_rate": str(loaded.frame_rate)}
    codes = encode_clips(loaded, read_clips(PIECES.read(pieces), loaded.sample_rate, musicgen.seconds)[0], batch)
    TOKENS.write(tokens, {"tokens": codes}, header | {"cardinality": str(loaded.cardinality)})
    layer = round(settings["interpretability.dictionary.depth"] * (loaded.num_layers - 1))
    found = replay_pieces(loaded, codes, settings["interpretability.heard.swapped"], batch, shards, layer)
    HEARD.write(heard, found, header | {"texts": "\n".join(all_texts())})
    asked = chosen_prompts(PROMPTS.read(prompts), emotions.words, emotions.prompts)
    sampling = Sampling(musicgen.top_k, musicgen.temperature, musicgen.guidance)
    made, arrays, spent = generate_clips(loaded, asked, list(emotions.seeds), musicgen.seconds, sampling, batch)
    GENERATED.write(clips, made)
    GENERATED_STATES.write(states, arrays, header | {"statistics": " ".join(STATISTICS)})
    write_json(speed, {"seconds_per_frame": spent, "clips": len(made)})
    return {"revision": loaded.revision}


if __name__ == "__main__":
    run(main)
