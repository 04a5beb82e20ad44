"""Scorecard of sonoscope-musetok: tokens and notes that come back, on held-out real scores."""

from pathlib import Path

from sonoscope.contracts.musetok import SCORES
from sonoscope.job import run
from sonoscope.musetok.checkpoint import load_folder
from sonoscope.scorecard import write
from sonoscope.train.musetok import read_side
from sonoscope.train.musetok_measures import accuracy_rows, commonest_tokens, note_row, token_hits


def main(scores: Path, weights: Path, scorecard: Path, seed: int) -> None:
    """Measure on the real held-out scores, or on composed ones where there are no real ones."""
    table = SCORES.read(scores)
    source = "real" if (table["source"] == "real").any() else "composed"
    held_out = table[(table["split"] == "held_out") & (table["source"] == source)]
    model = load_folder(weights.parent)
    pieces, groups = read_side(held_out, "held_out"), held_out["split_group"].tolist()
    counts = token_hits(model, pieces, commonest_tokens(read_side(table, "train")))
    rows = accuracy_rows(counts, groups, seed, "training/fit_musetok")
    write(scorecard, [*rows, note_row(model, pieces, groups, seed, "training/fit_musetok")])


if __name__ == "__main__":
    run(main)
