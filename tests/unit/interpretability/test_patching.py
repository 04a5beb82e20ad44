"""Acceptance test 5: the identities of activation patching."""

import numpy as np
import pandas as pd
import pytest
import torch

from sonoscope.contracts.interpretability import PATCHES
from sonoscope.interpretability.layers import CaptureError
from sonoscope.interpretability.patches import patch_table
from sonoscope.interpretability.patching import (
    PARTS,
    attribution,
    attribution_patching,
    mean_ablation,
    part_of,
    patch_direction,
    patch_heads,
    patch_layers,
    replaced,
    text_metric,
)
from sonoscope.musicgen.steering import captured
from sonoscope.settings.interpretability import Patching

CLEAN, CORRUPTED = ["a major piece"] * 2, ["a minor piece"] * 2


@pytest.fixture(scope="module")
def tokens(model):
    return torch.randint(0, model.cardinality, (2, 4, 20), generator=torch.Generator().manual_seed(0))


def test_acceptance_05_the_last_layer_carries_all_and_a_patch_with_itself_does_nothing(model, tokens):
    clean, corrupted = model.logits(tokens, CLEAN), model.logits(tokens, CORRUPTED)
    metric = text_metric(clean, corrupted)
    found = patch_layers(model, tokens, CLEAN, CORRUPTED, metric)
    for effects in found.values():
        torch.testing.assert_close(effects[:, -1], torch.ones(2), rtol=0, atol=1e-3)
        assert effects.shape == (2, model.num_layers)
    with captured(model.blocks, [1]) as store:
        model.logits(tokens, CORRUPTED)
    with replaced(model.blocks[1], store[0][0]):
        assert torch.equal(model.logits(tokens, CORRUPTED), corrupted)


def test_equal_texts_leave_no_effect_to_explain(model, tokens):
    logits = model.logits(tokens, CLEAN)
    with pytest.raises(CaptureError, match="equal logits"):
        text_metric(logits, logits)
    effects = patch_layers(model, tokens, CLEAN, CLEAN, lambda logits: logits.flatten(1).sum(1))
    assert effects["denoising"].isnan().all()


def test_texts_of_different_length_are_refused(model, tokens):
    with pytest.raises(CaptureError, match="texts of one length"):
        patch_layers(model, tokens, ["sad music", "a slow minor piece on piano"], CORRUPTED, lambda x: x[:, 0, 0, 0])


def test_attribution_is_exact_for_a_linear_metric():
    g = torch.Generator().manual_seed(0)
    clean, corrupted, weights = torch.randn(3, 2, 5, 4, generator=g)
    exact = (clean * weights).flatten(1).sum(1) - (corrupted * weights).flatten(1).sum(1)
    torch.testing.assert_close(attribution(weights, clean, corrupted), exact)


def test_heads_of_one_layer_together_are_its_attention(model, tokens):
    """The clean outputs of all heads at once restore what the clean attention does; one head alone restores less."""
    clean, corrupted = model.logits(tokens, CLEAN), model.logits(tokens, CORRUPTED)
    metric = text_metric(clean, corrupted)
    for attention in ("cross", "self"):
        effects = patch_heads(model, tokens, CLEAN, CORRUPTED, metric, attention)
        heads = int(part_of(model.blocks[0], f"{attention}_attention").num_heads)
        assert effects.shape == (2, model.num_layers, heads) and effects.isfinite().all()
    assert effects[:, 0].abs().max() < 1e-5  # before the first cross-attention, no text has been read
    block = part_of(model.blocks[0], "cross_attention")
    with captured([block], [0]) as store:
        model.logits(tokens, CLEAN)
    with replaced(block, store[0][0]):
        whole = metric(model.logits(tokens, CORRUPTED))
    alone = patch_heads(model, tokens, CLEAN, CORRUPTED, metric, "cross")[:, 0]
    torch.testing.assert_close(alone.sum(1), whole, rtol=0.3, atol=0.05)


def test_all_directions_together_are_the_state_and_the_right_one_carries_more(model, tokens):
    clean, corrupted = model.logits(tokens, CLEAN), model.logits(tokens, CORRUPTED)
    metric = text_metric(clean, corrupted)
    layer = 1
    with captured(model.blocks, [layer]) as store:
        model.logits(tokens, CLEAN)
        model.logits(tokens, CORRUPTED)
    difference = (store[0][0] - store[0][1]).mean((0, 1))
    random = torch.randn(6, model.dim, generator=torch.Generator().manual_seed(0))
    found = patch_direction(model, tokens, CLEAN, CORRUPTED, metric, layer, torch.cat([difference[None], random]))
    for effects in found.values():
        assert effects.shape == (2, 7)
        assert float(effects[:, 0].mean()) > float(effects[:, 1:].mean(0).abs().max())
    whole = patch_layers(model, tokens, CLEAN, CORRUPTED, metric)["denoising"][:, layer]
    assert (found["sufficiency"][:, 0] <= whole + 0.05).all()


def test_attribution_agrees_with_patching_where_the_model_is_nearly_linear(model, tokens):
    """At the last layer only the final normalisation and a linear map follow."""
    clean, corrupted = model.logits(tokens, CLEAN), model.logits(tokens, CORRUPTED)
    metric = text_metric(clean, corrupted)
    exact = patch_layers(model, tokens, CLEAN, CORRUPTED, metric)["denoising"]
    guess = attribution_patching(model, tokens, CLEAN, CORRUPTED, metric)
    assert guess.shape == exact.shape
    torch.testing.assert_close(guess[:, -1], exact[:, -1], rtol=0.15, atol=0.05)
    assert not any(block._forward_hooks for block in model.blocks)


def test_ablating_by_the_mean_costs_nothing_where_clips_agree(model, tokens):
    same = tokens[:1].expand(3, -1, -1)
    for losses in mean_ablation(model, same, ["music"] * 3).values():
        assert losses.shape == (3, model.num_layers) and losses.abs().max() < 1e-4
    different = mean_ablation(model, tokens, ["music"] * 2)
    assert set(different) == set(PARTS) and max(float(x.abs().max()) for x in different.values()) > 1e-4


def test_the_table_of_patches_fits_its_contract(model):
    g = np.random.default_rng(0)
    tokens = g.integers(0, model.cardinality, (12, 4, 10)).astype(np.int16)
    pieces = pd.DataFrame({"valence": g.uniform(-1, 1, 12), "arousal": g.uniform(-1, 1, 12)})
    states = g.standard_normal((12, model.num_layers, model.dim)).astype(np.float32)
    found = patch_table(model, pieces, states, tokens, Patching(clips=3, heads=["cross"], random=3), g)
    PATCHES.check(found)
    assert {"layer", "cross_head", "direction", *PARTS} == set(found["site"])
    assert found.loc[found["site"] == "direction", "null"].notna().all()
