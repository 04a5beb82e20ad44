"""Features of a dictionary: selectivity against a null, dashboards, absorption."""

import numpy as np
import pandas as pd
import pytest
import torch

from sonoscope.contracts.dictionary_features import FEATURES, MOMENTS
from sonoscope.interpretability.absorption import absorption, planted_families
from sonoscope.interpretability.features import (
    ClipActivity,
    choose_shown,
    class_areas,
    clip_activity,
    emotions_of,
    feature_table,
    moments,
)
from sonoscope.interpretability.sae import SparseAutoencoder
from sonoscope.interpretability.sae_files import export_sae, load_decoder
from sonoscope.interpretability.shards import ShardStore, ShardWriter
from sonoscope.statistics import auc


def rng(seed=0):
    return np.random.default_rng(seed)


def activity(clips=80, features=200, effect=0.0):
    g = rng()
    emotions = [("happy", "sad", "calm", "energetic")[k % 4] for k in range(clips)]
    rate = (g.random((clips, features)) < 0.15) * g.random((clips, features))
    rate[:, :5] += effect * (np.array(emotions) == "sad")[:, None]
    return ClipActivity(2 * rate, np.minimum(rate, 1), 3 * rate), emotions


def test_areas_are_those_of_each_class_against_the_rest():
    g = rng()
    values, labels = g.standard_normal((40, 3)), g.integers(0, 3, 40)
    found = class_areas(values, labels)
    for k in range(3):
        for f in range(3):
            assert found[k, f] == pytest.approx(auc(values[:, f], labels == k))


def test_selective_features_are_found_and_chance_finds_none():
    found, emotions = activity(effect=1.0)
    cue = found.mean[:, 0] + 0.01 * rng(1).standard_normal(80)
    table, counts = feature_table(found, {"tempo": cue, "other": rng(2).standard_normal(80)}, emotions, 200, rng())
    FEATURES.check(table)
    planted = table.set_index("feature").loc[range(5)]
    assert (planted["adjusted"] <= 0.05).all() and (planted["emotion"] == "sad").all()
    assert table.set_index("feature").loc[0, "cue"] == "tempo"
    assert counts["significant"] >= 5 and counts["significant"] <= 12
    nothing, emotions = activity(effect=0.0)
    _, counts = feature_table(nothing, {"tempo": cue}, emotions, 200, rng())
    assert counts["significant"] <= 2
    assert counts["selective"] == pytest.approx(counts["selective_by_chance"], rel=0.3)
    assert counts["selective"] > 20  # the published bar is passed by noise


@pytest.fixture
def store(tmp_path):
    states = rng().standard_normal((60, 8)).astype(np.float32)
    states[33] *= 6  # frame 3 of the fourth clip
    writer = ShardWriter(tmp_path / "shards", 2, "null", {"frame_rate": 5.0}, rows=25)
    writer.add(states)
    writer.finish()
    return ShardStore(tmp_path / "shards", 2, "null")


def test_a_dashboard_shows_where_and_when_a_feature_is_strongest(store):
    sae = SparseAutoencoder(8, 16, 4, "topk", torch.Generator().manual_seed(0)).eval()
    pieces = pd.DataFrame(
        {"clip_id": [f"p{k}" for k in range(6)], "mode": "major", "tempo": 100.0, "valence": 0.1, "arousal": -0.2}
    )
    found = clip_activity(sae, store, 6)
    assert found.mean.shape == (6, 16) and (found.peak >= found.mean).all()
    table, _ = feature_table(found, {"tempo": rng().random(6)}, ["happy", "sad"] * 3, 50, rng())
    table = choose_shown(table, 3)
    assert sorted(table.loc[table["shown"] >= 0, "shown"]) == [0, 1, 2]
    table["shown"] = np.where(table["feature"] == found.peak[3].argmax(), 0, -1)
    shown = moments(sae, store, pieces, found, table, 2)
    MOMENTS.check(shown)
    first = shown.iloc[0]
    assert first["clip_id"] == "p3" and first["peak_seconds"] == pytest.approx(3 / 5)
    assert len(first["activation"]) == 10 and max(first["activation"]) == pytest.approx(first["peak"])


def test_pieces_get_the_nearest_emotion():
    assert emotions_of(np.array([0.7, -0.9]), np.array([0.3, -0.2]), ["happy", "sad", "calm"]) == ["happy", "sad"]


def planted_sae(data, swallowed):
    """Encoder and decoder that know the planted features; with ``swallowed`` a child's feature stands for both."""
    m, dim = data.directions.shape
    sae = SparseAutoencoder(dim, m, m, "topk", torch.Generator().manual_seed(0))
    with torch.no_grad():
        sae.W_dec.copy_(data.directions)
        sae.W_enc.copy_(torch.linalg.pinv(data.directions))
        sae.b_enc.fill_(-0.3)  # what is not active stays below
        if swallowed:  # the parent's feature is switched off by its children
            for parent in range(data.parents):
                first = data.parents + parent * data.children
                columns = sae.W_enc[:, first : first + data.children].sum(1)
                sae.W_enc[:, parent] -= 3 * columns
    return sae


def test_absorption_is_one_where_children_swallow_their_parents_and_zero_where_not():
    data = planted_families(4000, torch.Generator().manual_seed(3), dim=64, others=16)
    assert absorption(planted_sae(data, swallowed=False), data) < 0.05
    assert absorption(planted_sae(data, swallowed=True), data) > 0.85
    nothing = SparseAutoencoder(64, 8, 4, "topk", torch.Generator().manual_seed(9))
    assert absorption(nothing, data) == 1.0


def test_no_child_is_active_without_its_parent():
    data = planted_families(2000, torch.Generator().manual_seed(0))
    for parent in range(data.parents):
        first = data.parents + parent * data.children
        children = data.active[:, first : first + data.children].any(1)
        assert not (children & ~data.active[:, parent]).any() and children.any()


def test_decoder_rows_are_unit_directions_of_a_layer(tmp_path):
    sae = SparseAutoencoder(8, 16, 4, "jumprelu", torch.Generator().manual_seed(0))
    sae.scale.fill_(3.0)
    export_sae(sae, tmp_path, {"model_name": "toy", "hook_name": "blocks.5.hook_resid_post", "revision": "r"})
    found = load_decoder(tmp_path)
    assert (found.layer, found.model, found.revision) == (5, "toy", "r")
    torch.testing.assert_close(found.rows, sae.W_dec.detach())
    export_sae(sae, tmp_path / "bare", {"model_name": "toy"})
    with pytest.raises(ValueError, match="hook_name such as blocks"):
        load_decoder(tmp_path / "bare")
