"""Which classes of a concept hidden states tell apart, by RFM, linear and MLP probes under two kinds of split."""

from pathlib import Path

import numpy as np

from sonoscope import scorecard
from sonoscope.contracts import read_json
from sonoscope.contracts.steering import CLASSIFICATION
from sonoscope.contracts.world import CLIPS, HIDDEN_STATES
from sonoscope.job import run
from sonoscope.provenance import portable
from sonoscope.settings.directions import Multiclass
from sonoscope.steering.classify import classification_table
from sonoscope.steering.classify_rows import multiclass_rows
from sonoscope.steering.fit import usable_clips, values_of
from sonoscope.symbolic.syntheory import LABEL


def main(
    clips: Path, hidden_states: Path, skipped: Path, table: Path, rows: Path, concept: str, settings: Multiclass
) -> None:
    """Write the table of one concept, and its rows of the scorecard."""
    corpus, (states, header) = CLIPS.read(clips), HIDDEN_STATES.read(hidden_states)
    usable = np.flatnonzero(usable_clips(corpus, {entry["item"] for entry in read_json(skipped)}))
    chosen = np.sort(np.random.default_rng([settings.seed, 39]).permutation(usable)[: settings.max_clips])
    labels = corpus[LABEL[concept]].to_numpy(dtype=float) if concept == "tempos" else values_of(corpus, concept)
    groups = corpus["split_group"].to_numpy(dtype=np.str_)
    layers = [int(layer) for layer in header["layers"].split()]
    pooled = states[settings.pooling][chosen]
    found = classification_table(pooled, labels[chosen], groups[chosen], layers, settings)
    found.insert(0, "concept", concept)
    CLASSIFICATION.write(table, found)
    scorecard.write(rows, multiclass_rows(found, concept, ("rule classify_concept", portable(table))))


if __name__ == "__main__":
    run(main)
