import json
import re

import numpy as np
import pandas as pd
import pytest

from sonoscope.report import numbers
from sonoscope.report.interactive import chart_of
from sonoscope.report.sources import Difference, Source, changes


def marks(spec) -> set[str]:
    return set(re.findall(r'"mark": {"type": "([a-z]+)"', json.dumps(spec)))


def encodings(spec) -> dict:
    layers = spec.get("layer") or spec["spec"]["layer"]
    return layers[0]["encoding"] | layers[-1]["encoding"]


def curve() -> pd.DataFrame:
    same = {"low": 0.4, "high": 0.7, "n": 24, "target": "C"}
    return pd.DataFrame([{"estimator": e, "coefficient": c, "value": 0.45 + c} | same
                         for e in ("rfm", "random") for c in (0.0, 0.1)])  # fmt: skip


def test_a_number_between_its_bounds_is_drawn_along_its_course():
    spec = chart_of(curve())
    assert marks(spec) == {"line", "rule", "point"}
    found = encodings(spec)
    assert (found["x"]["field"], found["y"]["field"], found["color"]["field"]) == ("coefficient", "value", "estimator")


def test_names_without_a_course_are_rows():
    spec = chart_of(pd.DataFrame({"method": ["a", "b"], "value": [0.1, 0.6], "low": [0.0, 0.5], "high": [0.2, 0.7]}))
    assert marks(spec) == {"rule", "point"}
    assert encodings(spec)["y"]["field"] == "method" and encodings(spec)["x"]["field"] == "value"


def test_dimensions_stand_side_by_side():
    frame = pd.concat([curve().assign(dimension=d) for d in ("valence", "arousal")])
    assert chart_of(frame)["facet"]["column"]["field"] == "dimension"


def test_two_names_that_are_needed_together_become_one():
    frame = pd.concat([curve().assign(variant=v) for v in ("plain", "gated")])
    spec = chart_of(frame)
    assert encodings(spec)["color"]["field"] == "series" and "rfm · gated" in json.dumps(spec, ensure_ascii=False)


def test_annotated_and_predicted_make_a_cloud():
    frame = pd.DataFrame({"clip_id": ["a", "b"], "valence": [0.1, 0.2], "true_valence": [0.0, 0.3]})
    assert marks(chart_of(frame)) == {"point"}


def test_a_figure_is_called_after_what_it_shows():
    frame = pd.DataFrame(
        {"step": [1, 2], "energy_score": [0.5, 0.6], "energy_low": [0, 0], "energy_high": [1, 1], "cos": [0.7, 0.1]}
    )
    assert encodings(chart_of(frame, "dynamics-modes-cos"))["y"]["field"] == "cos"


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 3.0]}),  # nothing says which is the estimate
        pd.DataFrame({"value": [1.0], "low": [0.0], "high": [2.0], "layer": [1]}),  # one point is no chart
        pd.concat([curve()] * 2),  # points over points
        pd.DataFrame({"layer": np.arange(9000), "value": 0.5, "low": 0.4, "high": 0.6}),  # too many for a browser
    ],
)
def test_what_has_no_plain_form_keeps_its_picture(frame):
    assert chart_of(frame) is None


def test_a_change_is_told_once_with_all_its_rules():
    def source(rule):
        return Source(rule, rule, (), "", (), (Difference("a.b", "1", "2"),), (), "")

    (found,) = changes([source("x"), source("y"), source("x")])
    assert found.rules == ("x", "y")


def test_numbers_that_are_read_together_share_their_places():
    assert numbers.places_together([(0.55, -0.03, 0.85), (0.929, 0.804, 1.0)]) == 2
    assert numbers.places_together([(24.0, None, None)]) == 0
    assert numbers.places_together([(0.0012, 0.001, 0.0014), (0.5, 0.4, 0.6)]) >= 3


def test_what_is_tiny_is_no_zero():
    assert (
        numbers.show(1.25e-7) == "1.2·10⁻⁷" and numbers.show(-3e-12) == "\u22123.0·10⁻¹²" and numbers.show(0.0) == "0"
    )
