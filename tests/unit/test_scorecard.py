import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonoscope import scorecard
from sonoscope.contracts.errors import ContractError

finite = st.floats(-1e9, 1e9)


@given(finite, finite)
def test_met_follows_from_value_and_target(value, target):
    higher = scorecard.measure("a.b", value, target=target)
    lower = scorecard.measure("a.b", value, target=target, better="lower")
    assert higher.met == (value >= target)
    assert lower.met == (value <= target)
    assert higher.met or lower.met


def test_no_target_is_neither_met_nor_missed():
    assert scorecard.measure("a.b", 1.0).met is None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "Accuracy"}, "name"),
        ({"name": "steering"}, "name"),
        ({"value": float("nan")}, "finite"),
        ({"low": 0.1}, "go together"),
        ({"low": 0.9, "high": 0.1}, "above high"),
        ({"n": -1}, "greater than or equal to 0"),
    ],
)
def test_rows_that_make_no_sense_are_refused(fields, says):
    with pytest.raises(ContractError, match=says):
        scorecard.measure(**({"name": "a.b", "value": 0.5} | fields))


def test_a_verdict_cannot_be_typed_in_without_a_target(tmp_path):
    row = dict.fromkeys(scorecard.Row.model_fields) | {"name": "a.b", "value": 1.0, "met": True, "sources": []}
    (tmp_path / "s.json").write_text(json.dumps({"rows": [row]}))
    with pytest.raises(ContractError, match="target and met go together"):
        scorecard.read(tmp_path / "s.json")


def test_file_has_exactly_the_declared_keys_and_comes_back(tmp_path):
    rows = [
        scorecard.measure("a.b", 0.5, low=0.4, high=0.6, n=9, null=0.1, baseline=0.2, target=0.3, sources=["r", "f"])
    ]
    scorecard.write(tmp_path / "s.json", rows)
    content = json.loads((tmp_path / "s.json").read_text())
    keys = ["name", "value", "low", "high", "n", "null", "baseline", "target", "met", "sources"]
    assert list(content["rows"][0]) == keys
    assert scorecard.read(tmp_path / "s.json") == rows


def test_gather_sorts_and_names_both_files_of_a_duplicate(tmp_path):
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    scorecard.write(one, [scorecard.measure("b.x", 1.0)])
    scorecard.write(two, [scorecard.measure("a.x", 1.0)])
    assert [r.name for r in scorecard.gather([one, two])] == ["a.x", "b.x"]
    scorecard.write(two, [scorecard.measure("b.x", 2.0)])
    with pytest.raises(ContractError, match=r"b\.x.*one\.json.*two\.json"):
        scorecard.gather([one, two])


@pytest.mark.parametrize("text", ["[]", '{"rows": 3}', '{"rows": [{"name": "a.b"}]}', '{"rows": [], "x": 1}', "{"])
def test_another_form_is_refused_with_the_file(tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(ContractError, match=r"s\.json"):
        scorecard.read(tmp_path / "s.json")


def test_table_lines_up_and_counts_what_is_met():
    text = scorecard.as_table(
        [
            scorecard.measure("a.long_name", 0.5, low=0.4, high=0.6, target=0.6),
            scorecard.measure("b.c", 1.0, target=1.0),
        ]
    )
    lines = text.splitlines()
    assert len({len(line) for line in lines[:4]}) == 1
    assert lines[-1] == "2 rows; 1 of 2 targets met"
    assert "| no |" in lines[2].replace("  ", " ") and "yes" in lines[3]
