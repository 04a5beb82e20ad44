"""First experiment, probes, swapped texts, geometry, mediation, false positives, and their scorecard."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts import interpretability as files
from sonoscope.interpretability import analysis
from sonoscope.interpretability.generality import cross_table
from sonoscope.interpretability.picture import states_map
from sonoscope.interpretability.rows import analysis_rows
from sonoscope.job import run
from sonoscope.provenance import portable
from sonoscope.settings.interpretability import Probing


def main(
    pieces: Path, heard: Path, clips: Path, states: Path, layers: Path, probes: Path, swaps: Path, geometry: Path,
    effects: Path, cross: Path, picture: Path, rows: Path, settings: dict[str, Any], seed: int,
) -> None:  # fmt: skip
    """Write the tables and the rows."""
    how, rng = Probing.model_validate(settings["interpretability.probing"]), np.random.default_rng(seed)
    table, made = files.PIECES.read(pieces), files.GENERATED.read(clips)
    seen, own = files.HEARD.read(heard)[0], files.GENERATED_STATES.read(states)[0]
    differences = analysis.layer_differences(
        made, own["statistics"], settings["interpretability.emotions.words"], how.permutations, rng
    )
    files.LAYERS.write(layers, differences)
    held, free = ((table["arm"] == arm).to_numpy() for arm in ("controlled", "free"))
    sources = {
        "states": np.concatenate([seen["null"], seen["null_movement"]], axis=-1),
        "tokens": np.concatenate([seen["histogram"], seen["repetition"]], axis=-1),
        "energy": table[["energy"]].to_numpy("float32"),
    }
    read, varied = (
        analysis.probe_table(table[some], {name: x[some] for name, x in sources.items()}, how, rng)
        for some in (held, free)
    )
    both = pd.concat([read, varied], ignore_index=True)
    files.PROBES.write(probes, both)
    under = np.concatenate([seen["swapped"], seen["swapped_movement"]], axis=-1)
    swapped = analysis.swap_table(table[held], sources["states"][held], under, read, how, rng)
    files.SWAP.write(swaps, swapped)
    files.GEOMETRY.write(geometry, analysis.geometry_table(made, own, how.permutations, rng))
    chosen = varied[varied["source"] == "states"].set_index("target")["layer"]
    layer_of = {target: int(chosen[target]) for target in ("valence", "arousal")}
    crossed = cross_table(table[free], seen["null"][free], made, own, layer_of, how.resamples, rng)
    files.CROSS.write(cross, crossed)
    files.EMBEDDING.write(picture, states_map(own["cond"][:, layer_of["arousal"]], made, how.picture, seed % 2**31))
    mediated = analysis.mediation_table(table, sources["states"], read, how, rng)
    files.EFFECTS.write(effects, mediated)
    hits = analysis.false_positives(own["cond"], made["prompt_id"].to_numpy(), how.null_repeats, rng)
    scorecard.write(rows, analysis_rows(both, swapped, mediated, hits, ("rule analyse_activations", portable(probes))))


if __name__ == "__main__":
    run(main)
