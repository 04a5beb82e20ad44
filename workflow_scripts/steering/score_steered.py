"""What is heard in generated clips: measures that know nothing of the model, a classifier, and the circular probe."""

from pathlib import Path
from typing import Any

from sonoscope.contracts.steering import CLIPS, EMBEDDINGS, REPLAYED, SCORES, TRACES
from sonoscope.job import run
from sonoscope.settings.injection import Experiment
from sonoscope.settings.steering import Listening
from sonoscope.steering.embedding import embed
from sonoscope.steering.found import corpora_at_layer
from sonoscope.steering.listener import Listener
from sonoscope.steering.scoring import circular_probes, score_clips, time_traces


def main(
    clips: Path, audio: Path, replayed: Path, listeners: list[Path], corpora: list[Path], hidden_states: list[Path],
    clap: list[Path], scores: Path, embeddings: Path, traces: Path,
    design: Experiment, settings: dict[str, Any], seed: int,
) -> None:  # fmt: skip
    """Score the audio of ``clips`` against every target of the experiment."""
    s = Listening.model_validate(settings["steering.listening"])
    table, (read, header) = CLIPS.read(clips), REPLAYED.read(replayed)
    ears = {ear.concept: ear for ear in (Listener(file, s.trees, seed) for file in listeners)}
    probes = circular_probes(design, corpora_at_layer(corpora, hidden_states, int(header["layer"])))
    scored = score_clips(table, audio.parent, design, ears, probes, read["states"])
    sounds, folder = [audio.parent / a for a in table["audio"]], clap[0].parent if clap else None
    vectors, name, adherence = embed(sounds, table["prompt"].tolist(), folder)
    if adherence is not None:
        scored["adherence"] = scored["clip_id"].map(dict(zip(table["clip_id"], adherence, strict=True)))
    SCORES.write(scores, scored)
    EMBEDDINGS.write(embeddings, {"embeddings": vectors}, {"embedding": name})
    TRACES.write(traces, time_traces(table, audio.parent, design, s, seed))


if __name__ == "__main__":
    run(main)
