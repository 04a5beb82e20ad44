import pytest

from sonoscope.symbolic.causes import AMBIGUOUS, DRAWN, PROGRESSIONS_OF, Causes


def test_all_bad_causes_are_named_at_once():
    with pytest.raises(
        ValueError, match=r"key must be in \[0, 11\], got 12; tempo must be .*got 5.*; register must be"
    ):
        Causes(key=12, tempo=5.0, register=3)


@pytest.mark.parametrize(
    "bad",
    [{"progression": "1894"}, {"progression": ""}, {"programs": ()}, {"programs": (0, 128)}, {"density": float("nan")}],
)
def test_a_bad_cause_is_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        Causes(**bad)


def test_templates_are_syntheorys_nineteen():
    assert len(PROGRESSIONS_OF["major"]) == 10
    assert len(PROGRESSIONS_OF["minor"]) == 9
    assert set(PROGRESSIONS_OF["minor"]) - set(DRAWN["minor"]) == AMBIGUOUS


def test_last_program_stands_for_the_rest():
    assert Causes(programs=(73, 0)).voice_programs == (73, 0, 0)
