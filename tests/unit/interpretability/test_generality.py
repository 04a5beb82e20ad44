"""Readouts between words, cues and sound; the picture; dictionaries that have too little to learn from."""

import logging
import sys

import numpy as np
import pandas as pd
import pytest

from sonoscope.contracts.interpretability import CROSS, EMBEDDING
from sonoscope.errors import SonoscopeError
from sonoscope.interpretability.dictionaries import pca_fvu, train_dictionary
from sonoscope.interpretability.generality import cross_table
from sonoscope.interpretability.picture import states_map
from sonoscope.interpretability.shards import ShardStore, ShardWriter
from sonoscope.settings.interpretability import Dictionary


def rng(seed=0):
    return np.random.default_rng(seed)


def kinds(shared):
    """Clips and pieces that hold arousal in one direction (shared), or each kind in a direction of its own."""
    g = rng()
    rows = []
    for level in ("emotion", "cue"):
        for e, (word, v, a) in enumerate((("happy", 0.6, 0.4), ("sad", -0.6, -0.4), ("calm", 0.2, -0.6))):
            rows += [(f"{word}-{level}-{t}", f"{level}-{t}", word, v, a, s, e) for t in range(4) for s in range(2)]
    clips = pd.DataFrame(rows, columns=["prompt_id", "template_id", "emotion", "valence", "arousal", "seed", "e"])
    clips["clip_id"] = clips["prompt_id"] + "-" + clips["seed"].astype(str)
    pieces = pd.DataFrame({"group": [f"g{k}" for k in range(60)], "valence": g.uniform(-1, 1, 60)})
    pieces["arousal"] = g.uniform(-1, 1, 60)
    made = 0.1 * g.standard_normal((len(clips), 2, 12))
    heard = 0.1 * g.standard_normal((60, 2, 12))
    cue = clips["template_id"].str.startswith("cue").to_numpy()
    made[np.arange(len(clips)), 1, np.where(cue & (not shared), 5, 0)] += clips["arousal"]
    heard[:, 1, 0 if shared else 7] += pieces["arousal"]
    return pieces, heard.astype(np.float32), clips, {r: made.astype(np.float32) for r in ("cond", "null")}


@pytest.mark.parametrize("shared", [True, False])
def test_one_direction_serves_all_kinds_only_where_they_share_it(shared):
    table = cross_table(*kinds(shared), {"arousal": 1}, 100, rng())
    CROSS.check(table)
    by = table[table["row"] == "cond"].set_index(["trained_on", "tested_on"])["correlation"]
    assert (by[[(k, k) for k in ("emotion words", "cue words", "rendered music")]] > 0.8).all()
    between = by[[(a, b) for a, b in by.index if a != b]]
    assert len(between) == 6
    assert (between > 0.8).all() if shared else between.abs().mean() < 0.5


def test_the_picture_has_a_place_for_every_clip_and_umap_is_no_dependency(monkeypatch):
    clips = pd.DataFrame({"clip_id": [f"c{k}" for k in range(12)], "emotion": ["happy", "sad"] * 6})
    EMBEDDING.check(states_map(rng().standard_normal((12, 8)).astype(np.float32), clips, "tsne", 0))
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(SonoscopeError, match="pip install umap-learn"):
        states_map(np.zeros((12, 8), np.float32), clips, "umap", 0)


def test_mistake_8_a_dictionary_with_too_little_to_learn_from_is_told(tmp_path, caplog):
    """Seventy vectors for thousands of features, as once was done, do not pass without a word."""
    writer = ShardWriter(tmp_path, 1, "null", {})
    writer.add(rng().standard_normal((70, 16)).astype(np.float32))
    writer.finish()
    settings = Dictionary(kinds=["topk"], expansion=8, k=4, steps=10, batch=16)
    with caplog.at_level(logging.WARNING):
        train_dictionary(ShardStore(tmp_path, 1, "null"), np.arange(70), "topk", 0, settings)
    assert "70 frames for 128 features" in caplog.text


def test_principal_components_are_a_dense_code_of_the_same_size():
    import torch

    g = torch.Generator().manual_seed(0)
    x = torch.randn(500, 6, generator=g) * torch.tensor([10.0, 5, 1, 1, 1, 1]) + 3
    assert pca_fvu(x, x, 6) < 1e-9 < pca_fvu(x, x, 2) < 0.05 < pca_fvu(x, x, 1)
