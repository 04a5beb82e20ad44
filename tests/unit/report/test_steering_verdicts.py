"""The verdict table says what limits a missed bar, from what was measured and nothing else."""

import pandas as pd
import pytest

from sonoscope.report.studies.steering_verdicts import Heard, _cells
from sonoscope.scorecard import measure
from sonoscope.steering.names import ASKED, CODEC


def ceilings(**scores):
    names = {"renders": "renders", "codec": CODEC, "asked": ASKED}
    rows = {
        names[k]: pd.Series({"score": v, "low": v - 0.05, "high": v + 0.05, "chance": 0.1}) for k, v in scores.items()
    }
    return Heard({"scales": rows})


def missed(value=0.2):
    return measure("steering.scales.headline", value, low=value - 0.1, high=value + 0.1, n=64, null=0.12, target=0.4)


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"renders": 0.3, "codec": 0.9, "asked": 0.9}, "So the measure limits it."),
        ({"renders": 0.9, "codec": 0.3, "asked": 0.9}, "So the codec limits it"),
        ({"renders": 0.9, "codec": 0.9, "asked": 0.2}, "So the model limits it"),
        ({"renders": 0.9, "codec": 0.9, "asked": 0.9}, "the direction does not make it"),
        ({"renders": 0.9, "codec": 0.9}, "were not measured in this run"),
        ({}, "were not measured in this run"),
    ],
)
def test_what_limits_is_the_first_ceiling_under_the_bar(scores, said):
    heard = ceilings(**scores)
    heard = heard if scores else Heard({})
    cells = _cells(missed(), heard)
    assert cells["verdict"] == "missed" and said in cells["limit"]
    assert cells["concept"] == "Modes" and cells["bar"] == "≥\u00a040\u00a0%"


def test_a_met_bar_needs_no_excuse():
    row = measure("steering.scales.headline", 0.8, low=0.7, high=0.9, n=64, null=0.12, target=0.4)
    cells = _cells(row, ceilings(renders=0.9))
    assert cells["verdict"] == "met" and cells["limit"] == ""


def test_a_share_that_reaches_its_bar_but_not_above_the_null_is_missed_for_lack_of_clips():
    row = measure("steering.scales.headline", 0.5, low=0.1, high=0.9, n=4, null=0.4, target=0.4, provided=False)
    assert "too few clips" in _cells(row, ceilings(renders=0.9, codec=0.9, asked=0.9))["limit"]


def test_rfm_below_a_baseline_is_said_plainly():
    name = "steering.matched_quality.notes.rfm_less_best_linear"
    worse = measure(name, -0.3, low=-0.4, high=-0.2, n=16, target=0.0)
    unsure = measure(name, -0.1, low=-0.2, high=0.1, n=16, target=0.0)
    assert "RFM is worse" in _cells(worse, Heard({}))["limit"]
    assert "less than these clips can tell" in _cells(unsure, Heard({}))["limit"]
