import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.statistics import grouped_folds, grouped_split, joined_groups, nested_folds, refuse_overlap
from sonoscope.statistics.errors import StatisticsError


def rng(seed=0):
    return np.random.default_rng(seed)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 40), st.integers(1, 6), st.integers(1, 4))
def test_no_group_on_two_sides_no_row_lost_none_empty_and_deterministic(seed, groups, size, classes):
    codes = np.repeat(np.arange(groups), size)
    labels = rng(seed).integers(0, classes, codes.size)
    one, two = (grouped_split(codes.size, rng(seed), codes, labels) for _ in range(2))
    sides = (one.train, one.validation, one.test)
    assert sorted(np.concatenate(sides)) == list(range(codes.size))
    assert all(side.size for side in sides)
    sets = [set(codes[side]) for side in sides]
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    assert all((a == b).all() for a, b in zip(sides, (two.train, two.validation, two.test), strict=True))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(6, 30))
def test_folds_test_every_row_once(seed, folds, groups):
    codes = rng(seed).integers(0, groups, 120)
    codes[:groups] = np.arange(groups)
    pairs = grouped_folds(120, folds, rng(seed), codes, np.arange(120) % 3)
    assert sorted(np.concatenate([test for _, test in pairs])) == list(range(120))
    for train, test in pairs:
        assert not set(codes[train]) & set(codes[test])
        assert train.size + test.size == 120 and test.size > 0


def test_shares_and_classes_are_kept():
    labels = np.arange(600) % 10 == 0
    split = grouped_split(600, rng(), np.arange(600) // 3, labels)
    assert [side.size for side in (split.train, split.validation, split.test)] == pytest.approx([420, 90, 90], abs=6)
    assert [labels[side].mean() for side in (split.train, split.validation, split.test)] == pytest.approx(
        [0.1] * 3, abs=0.02
    )
    for _, test in grouped_folds(600, 5, rng(), None, labels):
        assert labels[test].sum() == 12 and test.size == 120


def test_groups_with_one_class_each_spread_over_folds():
    groups = np.repeat(np.arange(12), 5)
    labels = groups < 3
    for _, test in grouped_folds(60, 3, rng(), groups, labels):
        assert labels[test].sum() == 5


def test_numbers_are_spread_by_quartile():
    tempo = rng().normal(size=400)
    for _, test in grouped_folds(400, 4, rng(1), None, tempo):
        assert abs(tempo[test].mean() - tempo.mean()) < 0.12


def test_seeds_differ():
    one, two = (grouped_split(100, rng(s)).test.tolist() for s in (0, 1))
    assert one != two


def test_a_share_of_zero_is_empty():
    split = grouped_split(50, rng(), shares=(0.8, 0.0, 0.2))
    assert split.validation.size == 0 and split.test.size == 10


def test_nested_folds_never_show_the_outer_test_rows():
    groups = np.arange(90) // 3
    tested = []
    for fold in nested_folds(90, 3, 2, rng(), groups, np.arange(90) % 2):
        tested.extend(fold.test.tolist())
        assert len(fold.inner) == 2
        for train, validation in fold.inner:
            assert sorted([*train, *validation]) == fold.train.tolist()
            assert not set(groups[train]) & set(groups[validation])
            assert not set(groups[validation]) & set(groups[fold.test])
    assert sorted(tested) == list(range(90))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grouped_split(10, rng(), np.zeros(10)), "at least 3 groups, one per side, found 1"),
        (lambda: grouped_split(10, rng(), shares=(0.5, 0.5, 0.5)), "sum to 1"),
        (lambda: grouped_folds(10, 3, rng(), np.arange(10) % 2), "3 folds and 2 groups"),
        (lambda: grouped_folds(10, 1, rng()), "at least 2 folds"),
        (lambda: grouped_folds(10, 2, rng(), labels=np.zeros(3)), "one entry for each of 10 rows"),
    ],
)
def test_impossible_splits_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def named(split, n):
    sides = np.full(n, "", dtype=object)
    for name in ("train", "validation", "test"):
        sides[getattr(split, name)] = name
    return sides


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(30, 120))
def test_speakers_songs_renders_and_templates_are_kept_apart_at_once(seed, n):
    draw = rng(seed)
    groups = {
        "speaker": draw.integers(0, n // 2, n),
        "song": draw.permutation(n) // 3,
        "render": np.arange(n) // 2,
        "template": np.array([f"t{k}" for k in range(n)]),
    }
    codes = joined_groups(*groups.values())
    if len(set(codes)) >= 3:
        refuse_overlap(named(grouped_split(n, rng(seed), codes), n), **groups)


def test_rows_that_share_a_group_through_others_are_joined():
    assert joined_groups(list("aabbc"), [1, 2, 2, 3, 4]).tolist() == [0, 0, 0, 0, 1]
    assert joined_groups(list("abc")).tolist() == [0, 1, 2]
    with pytest.raises(StatisticsError, match="at least one"):
        joined_groups()
    with pytest.raises(StatisticsError):
        joined_groups([1, 2], [1, 2, 3])


def test_an_overlap_is_refused_and_named():
    with pytest.raises(StatisticsError, match="speaker 'ann' stands in 'train' and in 'test'"):
        refuse_overlap(["train", "test", "test"], text=[1, 2, 3], speaker=["ann", "bob", "ann"])
    refuse_overlap(["train", "test", ""], speaker=["ann", "bob", "ann"])


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(0, 59))
def test_moving_one_row_of_a_divided_group_is_caught(seed, row):
    groups = np.arange(60) // 3
    sides = named(grouped_split(60, rng(seed), groups), 60)
    refuse_overlap(sides, song=groups)
    sides[row] = "test" if sides[row] == "train" else "train"
    with pytest.raises(StatisticsError, match="song"):
        refuse_overlap(sides, song=groups)
