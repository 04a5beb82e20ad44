"""Acceptance test 5: the identities of activation patching."""

import pytest
import torch

from sonoscope.interpretability.layers import CaptureError
from sonoscope.interpretability.patching import attribution, patch_layers, replaced, text_metric
from sonoscope.musicgen.steering import captured

CLEAN, CORRUPTED = ["a major piece"] * 2, ["a minor piece"] * 2


@pytest.fixture(scope="module")
def tokens(model):
    return torch.randint(0, model.cardinality, (2, 4, 20), generator=torch.Generator().manual_seed(0))


def test_the_last_layer_carries_all_and_a_patch_with_itself_does_nothing(model, tokens):
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
