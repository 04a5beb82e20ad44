"""What the features of one dictionary go with, and dashboards of the most selective ones."""

from pathlib import Path
from typing import Any

import numpy as np

from sonoscope.audio.files import read_audio, write_audio
from sonoscope.contracts import write_json
from sonoscope.contracts.dictionary_features import FEATURES, MOMENTS
from sonoscope.contracts.interpretability import PIECES
from sonoscope.interpretability.features import choose_shown, clip_activity, emotions_of, feature_table, moments
from sonoscope.interpretability.heard import targets
from sonoscope.interpretability.sae_files import import_sae, load_decoder
from sonoscope.interpretability.shards import ShardStore
from sonoscope.job import run
from sonoscope.settings.interpretability import Features


def main(
    pieces: Path, shards: Path, dictionaries: Path, features: Path, summary: Path, shown: Path, clips: Path,
    settings: dict[str, Any], seed: int,
) -> None:  # fmt: skip
    """Write the table of features, counts beside those by chance, and the clips of the dashboards."""
    how, table = Features.model_validate(settings["interpretability.features"]), PIECES.read(pieces)
    folder = dictionaries / how.kind
    sae, store = import_sae(folder), ShardStore(shards, load_decoder(folder).layer, "null")
    activity, free = clip_activity(sae, store, len(table)), (table["arm"] == "free").to_numpy()
    own = type(activity)(*(values[free] for values in activity))
    valence, arousal = (table[axis].to_numpy("float64")[free] for axis in ("valence", "arousal"))
    emotions = emotions_of(valence, arousal, settings["interpretability.emotions.words"])
    cues = targets(table[free])
    found, counts = feature_table(own, cues, emotions, how.permutations, np.random.default_rng(seed))
    chosen = choose_shown(found, how.shown)
    FEATURES.write(features, chosen)
    write_json(summary, counts)
    strongest = moments(sae, store, table, activity, chosen, how.clips)
    MOMENTS.write(shown, strongest)
    for name in dict.fromkeys(strongest["clip_id"]):
        audio, rate = read_audio(table.set_index("clip_id").loc[name, "audio"]["bytes"])
        write_audio(clips / f"{name}.flac", audio, rate)


if __name__ == "__main__":
    run(main)
