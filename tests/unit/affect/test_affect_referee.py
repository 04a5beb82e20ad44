"""What a referee asks for: other divisions of the songs, other seeds, and how well people agree."""

import numpy as np
import pytest
from affect_fixtures import composed_clips

from sonoscope.affect.evaluation import seed_table
from sonoscope.affect.fitting import Fitting, fit_variants
from sonoscope.affect.folds import divided
from sonoscope.affect.raters import agreement
from sonoscope.affect.repeats import MEAN, repeat_rows, repeat_table, repeated_predictions
from sonoscope.affect.scoring import ceiling_rows
from sonoscope.contracts.affect import MEMBERS, REPEATS, SEEDS
from sonoscope.corpora.vgmidi import compose_vgmidi, load_ratings, load_vgmidi
from sonoscope.settings.affect import RepeatAffect, TrainAffect


@pytest.fixture(scope="module")
def clips():
    return composed_clips(14, split=lambda song: "test" if song > "song10" else "val" if song > "song08" else "train")


def job(clips, **more):
    settings = TrainAffect(folds=2, epochs=2, **more)
    return Fitting(clips, settings, 16, {"model": "tiny", "revision": "r"}, {"corpus": "test"}, 0.6, 0)


def test_divisions_set_the_official_split_aside_and_differ(clips):
    found = [divided(clips, 3, TrainAffect(), seed) for seed in (1, 2)]
    for folds in found:
        assert sorted(k for fold in folds for k in fold.test) == list(range(len(clips)))
        for fold in folds:
            sides = [{clips[k].song_id for k in side} for side in fold]
            assert not (sides[0] & sides[1]) | (sides[0] & sides[2]) | (sides[1] & sides[2])
    assert found[0] != found[1]


def test_every_song_is_predicted_once_in_every_division_and_a_killed_job_goes_on(clips, tmp_path):
    s = RepeatAffect(times=2, folds=2, variants=["side"])
    said = repeated_predictions(job(clips), s, tmp_path)
    assert len(said) == 2
    for frame in said:
        for _, own in frame.groupby("model"):
            assert len(own) == sum(len(c) for c in clips)
    assert not said[0].valence.equals(said[1].valence)
    again = repeated_predictions(job(clips, learning_rate=0.1), s, tmp_path)
    assert all(a.equals(b) for a, b in zip(said, again, strict=True))
    table = repeat_table(said, 100, 0)
    REPEATS.check(table)
    own = table[(table.model == "side") & (table.dimension == "arousal") & (table.metric == "mae")].set_index("repeat")
    assert own.loc[MEAN].value == pytest.approx(own.loc[[0, 1]].value.mean())
    assert own.loc[MEAN].low <= own.loc[MEAN].value <= own.loc[MEAN].high
    assert own.loc[MEAN].songs == 14
    rows = {r.name: r for r in repeat_rows("emopia", table, ("x",))}
    assert rows["affect.emopia.arousal.repeated_mae.side"].baseline == pytest.approx(
        rows["affect.emopia.arousal.repeated_mae.constant_median"].value
    )


def test_members_are_measured_one_by_one(clips, tmp_path):
    tables = fit_variants(job(clips, compare=["side", "plan"], seeds=[0, 1, 2], ensembles=["side"]), tmp_path, tmp_path)
    members = tables["members"]
    MEMBERS.check(members)
    assert set(members.model) == {"side"}
    assert sorted(set(members.seed)) == [0, 1, 2]
    said = tables["predictions"]
    both = members.groupby(["clip_id", "bar_number"]).valence.mean()
    whole = said[said.model == "side"].set_index(["clip_id", "bar_number"]).valence
    assert np.allclose(both, whole.loc[both.index])
    table = seed_table(said, members)
    SEEDS.check(table)
    own = members[members.seed == 1].merge(said[said.model == "side"], on=["clip_id", "bar_number"])
    expected = (own.arousal_x - own.true_arousal).abs().mean()
    found = table.set_index(["seed", "dimension", "metric"])
    assert found.loc[(1, "arousal", "mae")].value == pytest.approx(expected)


def ratings(noise, pieces=30, raters=20, bars=12):
    rng = np.random.default_rng(0)
    found = {}
    for k in range(pieces):
        true = rng.uniform(-0.8, 0.8, 2) + 0.1 * rng.standard_normal((bars, 2))
        found[str(k)] = true + noise * rng.standard_normal((raters, bars, 2))
    return found


def test_raters_who_agree_are_reliable_and_noise_is_not():
    assert agreement(ratings(0.0), 0)["valence"]["ceiling"] == pytest.approx(1)
    noisy = {k: np.random.default_rng(int(k)).standard_normal(v.shape) for k, v in ratings(0).items()}
    assert abs(agreement(noisy, 0)["arousal"]["split_half"]) < 0.15
    assert agreement({}, 0) == {}


def test_the_full_reliability_is_what_it_is_called():
    """With known variances, the mean of n raters has reliability true / (true + noise / n)."""
    found = agreement(ratings(1.0), 0)["valence"]
    true = np.concatenate([r[:, 0] for r in ratings(0.0).values() for r in [r.mean(0)]]).var()
    assert found["full"] == pytest.approx(true / (true + 1 / 20), abs=0.03)
    assert found["within"] < found["split_half"]
    assert found["between_rater_sd"] == pytest.approx(1, abs=0.05)


def test_raters_of_a_composed_corpus(tmp_path):
    compose_vgmidi(tmp_path, 6, 0, raters=5)
    bars, _ = load_vgmidi(tmp_path)
    found = load_ratings(tmp_path, set(bars.piece_id))
    assert set(found) == set(bars.piece_id)
    own = bars[bars.piece_id == "1-piece0"]
    assert np.allclose(found["1-piece0"].mean(0)[:, 1], own.arousal)
    rows = {r.name: r.value for r in ceiling_rows("vgmidi", agreement(found, 0), ("x",))}
    assert set(rows) == {"affect.vgmidi.valence.ceiling", "affect.vgmidi.arousal.ceiling"}
    assert ceiling_rows("emopia", {}, ("x",)) == []
