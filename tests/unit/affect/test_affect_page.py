"""The page says what the tables hold, and every figure can be drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from test_affect_evaluation import table

from sonoscope.affect.evaluation import evaluate, seed_table
from sonoscope.affect.repeats import repeat_table
from sonoscope.contracts import affect as contracts
from sonoscope.contracts import write_json
from sonoscope.report.blocks import Figure, Prose, Table, blocks_of
from sonoscope.report.results import Results
from sonoscope.report.studies import affect, affect_figures
from sonoscope.report.style import LIGHT, drawn_in

MODELS = [("both", 1.0, 0.1), ("side", 1.0, 0.15), ("latents", 0.3, 0.3), ("untrained", 1.0, 0.2), ("hand", 0.9, 0.2),
          ("shuffled", 0.0, 0.4), ("constant_median", 0.0, 0.0)]  # fmt: skip
RATERS = {"pieces": 12, "raters": 6.0, **{d: {"ceiling": 0.91, "within": 0.4} for d in ("valence", "arousal")}}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    rng = np.random.default_rng(0)
    said = table(rng, MODELS)
    found = evaluate(said, {}, 100, 0)
    folder = root / "affect/evaluate_affect/vgmidi"
    for name in ("metrics", "differences", "reliability", "quadrants"):
        getattr(contracts, name.upper()).write(folder / f"{name}.parquet", found[name])
    who = said[said.model == "both"][["model", "fold", "clip_id", "song_id", "bar_number", "valence", "arousal"]]
    members = pd.concat([who.assign(seed=k, valence=who.valence + 0.1 * k) for k in range(3)])
    contracts.SEEDS.write(folder / "seeds.parquet", seed_table(said, members))
    contracts.PREDICTIONS.write(root / "affect/train_heads/vgmidi/predictions.parquet", said)
    repeats = repeat_table([table(rng, MODELS) for _ in range(2)], 100, 0)
    contracts.REPEATS.write(root / "affect/repeat_folds/vgmidi/repeats.parquet", repeats)
    write_json(root / "affect/label_clips/vgmidi/raters.json", RATERS)
    return Results(root)


@pytest.fixture(scope="module")
def blocks(results):
    return blocks_of([affect.build(results)])


def test_every_figure_can_be_drawn(blocks):
    figures = [b for b in blocks if isinstance(b, Figure)]
    assert {f.name for f in figures} == {f"affect-vgmidi-{name}" for name in ("ccc", "scatter", "reliability")}
    for figure in figures:
        with drawn_in(LIGHT):
            plt.close(figure.draw())


def test_seeds_divisions_and_raters_stand_beside_the_number(blocks):
    tables = {b.name: b for b in blocks if isinstance(b, Table)}
    lines = {row["what"]: row for row in tables["affect-vgmidi-robustness"].rows}
    assert lines["Its 3 members, each alone"]["valence"].count(" to ") == 1
    assert lines["Ceiling: correlation with the mean of 6 raters"]["arousal"] == "0.91"
    assert ";" in lines["Songs divided anew, 2 ×: latents + side channel"]["arousal"]
    steps = {row["step"]: row for row in tables["affect-vgmidi-steps"].rows}
    assert steps["The head in place of ridge regression on features by hand"]["valence"].endswith("better")


def test_calibration_is_told_in_words(blocks):
    said = " ".join(b.text for b in blocks if isinstance(b, Prose))
    assert "times as far as labels" in said
    assert "Neighbouring bars correlate" in said
    assert "after a running median of five bars" in said


@pytest.mark.parametrize("bars", [0, 1, 5])
def test_a_song_is_drawn_whatever_its_length(bars):
    row = {"title": "a song", "style": "", "quadrant": "Q1", "onset": [0.0, 1.0], "duration": [0.5, 0.5],
           "pitch": [60, 64], "velocity": [80, 60], "bar_second": [2.0 * k for k in range(bars)],
           "valence": [0.1] * bars, "arousal": [0.2] * bars, "valence_half_width": 0.3,
           "arousal_half_width": float("nan")}  # fmt: skip
    with drawn_in(LIGHT):
        plt.close(affect_figures.example(row, 0, ()).draw())
