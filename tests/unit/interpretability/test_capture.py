"""Mistakes 1, 3, 4 and 5 of the seed project, and acceptance tests 1 to 4 and 21: capture."""

import pytest
import torch
from torch import nn

from sonoscope.interpretability.extractor import ActivationExtractor, load_activations
from sonoscope.interpretability.layers import CaptureError, choose_layers, natural_order
from sonoscope.musicgen.delay import delay
from sonoscope.musicgen.interface import LayerError
from sonoscope.musicgen.steering import captured

PROMPTS = ["a happy piece on piano", "sad music", "a slow minor piece on piano"]


@pytest.fixture(scope="module")
def extractor(model):
    extractor = ActivationExtractor(model)
    extractor.generate(PROMPTS, seeds=[3, 4, 5], seconds=0.4)
    return extractor


def test_acceptance_01_replay_equals_generation_on_both_rows(model, extractor):
    again = ActivationExtractor(model)
    for row, prompts in (("cond", PROMPTS), ("null", [None] * 3)):
        again.replay(extractor.tokens, prompts)
        for name, states in extractor.get_activations(row).items():
            torch.testing.assert_close(states, again.get_activations(row)[name], rtol=0, atol=2e-5)


def test_mistake_1_every_step_is_kept_and_steps_differ(extractor):
    states = extractor.get_layer_activation(1)
    assert states.shape == (3, 20, 32)
    assert (states.diff(dim=1).norm(dim=-1) > 1e-3).all()


def test_mistake_3_and_acceptance_02_rows_of_guidance_are_kept_apart(model, extractor):
    other = ActivationExtractor(model)
    other.generate([PROMPTS[k] for k in (2, 0, 1)], seeds=[5, 3, 4], seconds=0.4)
    for row in ("cond", "null"):
        a, b = extractor.get_layer_activation(2, row), other.get_layer_activation(2, row)
        torch.testing.assert_close(a[[2, 0, 1]], b, rtol=0, atol=2e-5)
    gap = extractor.get_layer_activation(2, "cond") - extractor.get_layer_activation(2, "null")
    assert gap.abs().max() > 1e-3


def test_mistake_4_eight_seconds_are_four_hundred_frames_not_calls_times_layers(model, extractor):
    assert extractor.get_layer_activation(0).shape[1] == round(0.4 * model.frame_rate)


def test_acceptance_03_frames_are_aligned_by_the_delay_pattern(model):
    """A change of codebook k of frame f is first seen at frame f + k, and never before."""
    tokens = torch.randint(0, model.cardinality, (1, 4, 12), generator=torch.Generator().manual_seed(0))
    extractor = ActivationExtractor(model, [0])
    extractor.replay(tokens, [None])
    before = extractor.get_layer_activation(0, "null")
    assert delay(tokens, -1)[0, 0, 1] == tokens[0, 0, 0]
    for codebook in range(4):
        changed = tokens.clone()
        changed[0, codebook, 5] = (changed[0, codebook, 5] + 1) % model.cardinality
        extractor.replay(changed, [None])
        moved = (extractor.get_layer_activation(0, "null") - before).abs().sum(-1)[0] > 1e-6
        assert int(moved.nonzero()[0]) == 5 + codebook


def test_the_last_layer_is_the_block_output_before_the_final_normalisation(model, extractor):
    last = model.num_layers - 1
    with captured(model.blocks, [last]) as store:
        model.logits(extractor.tokens[:1], PROMPTS[:1])
    torch.testing.assert_close(store[0][0][:, 1:], extractor.get_layer_activation(last)[:1], rtol=0, atol=2e-5)


def test_under_null_text_cross_attention_adds_nothing(model, extractor):
    seen = []
    block = model.blocks[0]
    handle = block.cross_attention.register_forward_hook(lambda m, i, o: seen.append(o[0]))
    try:
        model.hidden_states(extractor.tokens[:1], [None], [0])
    finally:
        handle.remove()
    assert float(seen[0].abs().max()) == 0.0


def test_mistake_5_and_acceptance_04_layers_that_do_not_exist_are_refused_with_their_number():
    with pytest.raises(LayerError, match="24 layers, 0 to 23; found 24"):
        choose_layers("0,6,12,18,24", 24)
    assert choose_layers("0,6,12,18,24", 48) == (0, 6, 12, 18, 24)
    assert choose_layers("auto5", 48) == (0, 12, 24, 36, 47)
    assert choose_layers("auto5", 24) == (0, 6, 12, 18, 23)
    assert choose_layers(None, 3) == choose_layers("all", 3) == (0, 1, 2)
    with pytest.raises(LayerError, match="expected all, auto5"):
        choose_layers("last", 24)


def test_mistake_9_layers_stand_in_the_order_of_their_numbers():
    assert natural_order(["layer_12", "layer_6", "layer_0"]) == ["layer_0", "layer_6", "layer_12"]


@pytest.mark.parametrize("as_tuple", [False, True])
def test_acceptance_21_blocks_that_return_tuples_or_tensors_are_both_read(as_tuple):
    class Block(nn.Module):
        def forward(self, x):
            return (x + 1, None) if as_tuple else x + 1

    block = Block()
    with captured([block], [0]) as store:
        block(torch.zeros(1, 2, 3))
    assert store[0][0].shape == (1, 2, 3)


def test_no_hook_is_left_after_an_error(model):
    with pytest.raises(ValueError, match="at most"):
        ActivationExtractor(model).generate(["x"], seconds=1e6)
    assert not any(block._forward_hooks for block in model.blocks)


def test_what_is_saved_is_read_again_and_pickle_is_refused(extractor, tmp_path):
    with pytest.raises(CaptureError, match="pickle"):
        extractor.save_activations(tmp_path / "first_activations.pt")
    found, header = load_activations(extractor.save_activations(tmp_path / "first.safetensors"))
    assert header["layers"] == "0 1 2" and set(found) == {
        *(f"{row}.layer_{k}" for row in ("cond", "null") for k in range(3)),
        "tokens",
    }
    assert torch.equal(found["cond.layer_1"], extractor.get_layer_activation(1))


def test_asking_before_capturing_is_an_error(model):
    with pytest.raises(CaptureError, match="call generate or replay first"):
        ActivationExtractor(model).get_activations()
    with pytest.raises(CaptureError, match="expected a MusicGen, found int"):
        ActivationExtractor(3)
