"""Labels, and the division of songs."""

import numpy as np
import pandas as pd
import pytest
from affect_fixtures import composed_clips
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sonoscope.affect.dataset import Clip
from sonoscope.affect.folds import LeakError, final_fold, folds_of
from sonoscope.affect.labels import clip_labels, label_array, points_of
from sonoscope.settings.affect import LabelMap, TrainAffect

CLIPS = pd.DataFrame({"clip_id": ["a", "b"], "quadrant": [1, 3], "n_bars": [2, 3]})


def test_the_plan_s_four_points():
    found = points_of(LabelMap())
    assert found == {1: (0.8, 0.6), 2: (-0.6, 0.8), 3: (-0.8, -0.4), 4: (0.4, -0.6)}
    assert clip_labels(CLIPS, LabelMap())["b"] == {"valence": -0.8, "arousal": -0.4}


def test_other_maps():
    assert all(np.hypot(*p) == pytest.approx(1) for p in points_of(LabelMap(name="russell")).values())
    own = LabelMap(name="own", points={"Q1": (1, 1), "Q2": (-1, 1), "Q3": (-1, -1), "Q4": (1, -1)})
    assert points_of(own)[4] == (1, -1)
    with pytest.raises(ValidationError, match="Q1, Q2, Q3 and Q4"):
        LabelMap(name="own", points={"Q1": (1, 1)})


def test_labels_per_bar_are_lists_of_the_clip_s_length():
    found = clip_labels(CLIPS, LabelMap(per_bar=True))
    assert found["b"] == {"valence": [-0.8] * 3, "arousal": [-0.4] * 3}
    assert np.isfinite(label_array(found["b"], np.array([4, 5, 6]), by_row=True)).all()


def test_bars_without_a_label_are_nan():
    label = {"valence": [0.1, 0.2], "arousal": [0.3, 0.4]}
    found = label_array(label, np.array([0, 1, 2]))
    assert found[:2].tolist() == [[0.1, 0.3], [0.2, 0.4]]
    assert np.isnan(found[2]).all()


def plain(songs, splits=None):
    return [
        Clip(f"c{k}", s, (splits or {}).get(k, ""), np.arange(1), {}, np.full((1, 2), (k % 7) / 7))
        for k, s in enumerate(songs)
    ]


@given(st.lists(st.integers(0, 20), min_size=30, max_size=60), st.integers(0, 5))
def test_no_song_stands_on_two_sides(songs, seed):
    clips = plain([f"s{k}" for k in (*songs, *range(8))])
    settings = TrainAffect(folds=3)
    tested = []
    for fold in folds_of(clips, settings, seed):
        sides = [{clips[k].song_id for k in side} for side in fold]
        assert not (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])
        assert all(fold[:2])
        tested += fold.test
    assert sorted(tested) == list(range(len(clips)))
    assert final_fold(clips, settings, seed).test == []


def test_the_official_split_is_kept_and_must_not_divide_a_song():
    splits = {0: "train", 1: "val", 2: "test", 3: "train"}
    clips = plain(["a", "b", "c", "d"], splits)
    assert folds_of(clips, TrainAffect(), 0) == [([0, 3], [1], [2])]
    with pytest.raises(LeakError, match="two sides"):
        folds_of(plain(["a", "b", "a", "d"], splits), TrainAffect(), 0)


def test_clips_carry_their_labels():
    clips = composed_clips(2)
    assert all(c.known.all() and len(c) == 4 for c in clips)
