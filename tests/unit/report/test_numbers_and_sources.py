from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonoscope.report import numbers
from sonoscope.report.sources import differences, from_record, short_path


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [(0.71, 0.58, 0.81, "0.71"), (0.11, 0.05, 0.22, "0.11"), (123.4, 100, 150, "123"), (6.2, None, None, "6.20"),
     (0.00123, None, None, "0.00123"), (-0.5, -0.9, -0.1, "\u22120.5"),
         (0, None, None, "0"), (3.0, None, None, "3"), (-0.0001, -0.1, 0.1, "0.00")],
)  # fmt: skip
def test_a_number_has_the_digits_that_its_interval_allows(value, low, high, text):
    assert numbers.show(value, numbers.decimals(value, low, high)) == text


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_shown_numbers_can_be_read_back(value, places):
    text = numbers.show(value, places).replace(numbers.MINUS, "-").replace(",", "")
    assert float(text) == pytest.approx(value, abs=0.5000001 * 10**-places)


def test_percentages_decibels_and_what_is_unknown():
    assert numbers.percent(0.123, 0.05, 0.2) == "12\u00a0%\u00a0[5,\u00a020]"
    assert numbers.decibels(0.1) == "\u221220\u00a0dBFS" and numbers.decibels(0).startswith("\u2212\u221e")
    assert numbers.show(None) == numbers.show(float("nan")) == "\u2013"


TODAY = {"preset": "demo", "seed": 0, "steering": {"a": 1, "rfm": {"b": [1, 2]}}, "musicgen": {"name": "x"}}


def changed(params, study="steering"):
    return [(d.setting, d.then, d.now) for d in differences(params, study, TODAY)]


def test_settings_are_compared_with_the_section_that_they_came_from():
    assert changed({"settings": TODAY["steering"]}) == []
    assert changed({"settings": {"a": 2, "rfm": {"b": [1, 2]}}}) == [("steering.a", "2", "1")]
    several = {"steering": TODAY["steering"], "musicgen": {"name": "y"}}
    assert changed({"settings": several}, "world") == [("musicgen.name", '"y"', '"x"')]
    assert changed({"musicgen": {"name": "y"}}) == [("musicgen.name", '"y"', '"x"')]


def test_settings_that_came_or_went_are_differences():
    assert changed({"settings": {"a": 1, "old": 3}}) == [
        ("steering.old", "3", "not a setting"),
        ("steering.rfm", "not a setting", '{"b": [1, 2]}'),
    ]


def test_what_today_does_not_know_is_not_compared():
    assert changed({"settings": {"x": 1}, "seed": 7}, "unknown_study") == []


@pytest.mark.parametrize(
    ("path", "short"),
    [("results/demo/steering/x.json", "steering/x.json"), ("/big/disk/results/demo/a/b.json", "a/b.json"),
     ("/home/somebody/models/weights/x.bin", "…/models/weights/x.bin"),
     ("resources/models/x.bin", "resources/models/x.bin")],
)  # fmt: skip
def test_paths_name_no_folder_of_the_machine(path, short):
    assert short_path(path, Path("/big/disk/results/demo")) == short


def test_a_bare_record_is_enough():
    source = from_record({"rule": "r"}, Path("results/demo"), TODAY)
    assert source.facts == (("Rule", "r"),) and source.differences == ()


def test_a_narrow_section_is_compared_where_it_was_taken_from():
    from sonoscope.report.sources import differences

    today = {"steering": {"prompts": 4, "fit": {"folds": 3, "seed": 1}}, "musicgen": {"seconds": 3.0}}
    assert differences({"settings": {"folds": 3, "seed": 1}}, "steering", today) == []
    (found,) = differences({"settings": {"folds": 5, "seed": 1}}, "steering", today)
    assert (found.setting, found.then, found.now) == ("steering.fit.folds", "5", "3")
    several = {"settings": {"experiment": {"count": 9}, "musicgen": {"seconds": 4.0}, "fit": {"folds": 3, "seed": 1}}}
    (found,) = differences(several, "steering", today)
    assert found.setting == "musicgen.seconds"


def test_a_rule_that_is_given_part_of_a_section_is_up_to_date():
    assert changed({"settings": {"a": 1}}) == []
    assert changed({"settings": {"a": 2}}) == [("steering.a", "2", "1")]


def test_a_rule_given_part_of_a_part_was_not_made_with_other_settings():
    today = {"attribution": {"embedding": {"window": 2.0, "dim": 8}, "songs": 8, "seconds": 4.0}}
    given = {"settings": {"embedding": {"window": 2.0}, "songs": 8}}
    assert differences(given, "attribution", today) == []
    assert differences({"settings": {"attribution": given["settings"]}}, "attribution", today) == []
    given["settings"]["embedding"] = {"window": 1.0}
    (change,) = differences(given, "attribution", today)
    assert (change.setting, change.then, change.now) == ("attribution.embedding.window", "1.0", "2.0")
