"""The paper's tables with ours beside: coefficients as they stand, variants by what was published of them."""

import pandas as pd
import pytest

from sonoscope.report.studies.steering_paper import _curve, _schemes
from sonoscope.report.studies.steering_published import ABLATIONS, CURVES, STEERED
from sonoscope.report.studies.steering_schemes import interference_table


def dose(rows):
    common = {
        "experiment": "x", "concept": "notes", "target": "C", "chance": 1 / 12, "n": 24, "frechet": 2.0, "probe": 0.5,
        "is_headline": True, "low": 0.1, "high": 0.9,
    }  # fmt: skip
    return pd.DataFrame([common | row for row in rows])


def test_the_largest_published_coefficient_agrees_with_the_headline_table():
    assert {concept: curve[-1] for concept, curve in CURVES.items()} == {c: a for c, (a, _) in STEERED.items()}


def test_a_curve_stands_beside_the_published_one():
    plain = {"variant": "plain", "estimator": "rfm"}
    frame = dose([plain | {"coefficient": c, "accuracy": a} for c, a in ((0.1, 0.9), (0.05, 0.6))])
    (row,) = _curve(frame)
    assert row["heard"] == "0.05: 60\u00a0%, 0.1: 90\u00a0%"
    assert row["published"].startswith("0.15: 23\u00a0%") and row["published"].endswith("0.6: 82\u00a0%")
    assert _curve(frame.assign(estimator="random")) == []


def test_a_variant_stands_beside_its_ablation_and_an_unknown_one_is_left_out():
    rows = [{"variant": v, "estimator": "rfm", "coefficient": 0.1, "accuracy": 0.7} for v in ("gate_30", "own")]
    (row,) = _schemes(dose(rows))
    assert (row["published"], row["published_probe"]) == ("gate 0.30", ABLATIONS["gate_30"].accuracy)
    assert row["accuracy"] == pytest.approx(0.7)


def test_interference_has_variants_down_and_targets_across():
    rows = [
        {"variant": v, "estimator": e, "coefficient": c, "accuracy": a, "target": t}
        for v, e, c, a in (("none", "none", 0.0, 0.1), ("both", "rfm", 0.1, 0.8))
        for t in ("C", "G")
    ]
    table = interference_table("x", dose(rows), ())
    assert list(table.data["row"]) == ["unsteered", "both, RFM"]
    assert list(table.columns) == ["row", "C (notes)", "G (notes)"]
    assert table.data["G (notes)"].iloc[1].startswith("80\u00a0%")
