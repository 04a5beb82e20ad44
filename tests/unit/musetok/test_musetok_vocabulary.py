import numpy as np

from sonoscope.musetok import vocabulary as v


def test_size_and_boundaries():
    assert (len(v.NAMES), v.PAD, v.SIZE) == (167, 167, 168)
    assert (v.BAR, v.EOS) == (0, 54)
    known = {"Note_Duration_120": 55, "Note_Pitch_21": 76, "Time_Signature_4/4": 162}
    assert {name: v.IDS[name] for name in known} == known


def test_names_of_a_type_stand_together_in_the_order_of_their_text():
    assert list(v.NAMES) == sorted(set(v.NAMES))
    kinds = dict(zip(*np.unique(v.TYPE_OF, return_counts=True), strict=True))
    assert {v.TYPES[k]: n for k, n in kinds.items()} == {
        "bar": 1, "eos": 1, "position": 53, "duration": 12, "pitch": 88, "time_signature": 12,
    }  # fmt: skip


def test_tables_point_at_the_names():
    assert [v.NAMES[k] for k in v.PITCHES[60:62]] == ["Note_Pitch_60", "Note_Pitch_61"]
    assert v.PITCHES[20] == v.PITCHES[109] == -1
    assert [int(k * v.STEP) for k in np.flatnonzero(v.DURATION_IDS >= 0)] == sorted(v.DURATIONS)
    straight_and_triplets = [k for k in range(48) if k % 2 == 0 or k % 3 == 0]
    assert np.flatnonzero(v.BEATS[:48] >= 0).tolist() == straight_and_triplets
    assert all(v.BEATS[k] == -1 for k in (50, 52, 58, 75, 99))
    assert v.time_signature(5, 4) == -1
