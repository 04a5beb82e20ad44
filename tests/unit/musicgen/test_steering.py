import pytest
import torch
from torch import nn

from sonoscope.musicgen.interface import Injection, Sampling
from sonoscope.musicgen.steering import captured, steered

PROMPTS = ["a repeated C on flute", "a repeated note on piano"]
SEEDS = [1, 2]
LAYERS = (0, 1, 2)


@pytest.fixture(scope="module")
def unsteered(model):
    return model.generate(PROMPTS, SEEDS, 0.4)


def push(size, layers=LAYERS, rows=2, **more):
    generator = torch.Generator().manual_seed(5)
    direction = torch.randn(1, len(layers), 32, generator=generator)
    direction = direction / direction.norm(dim=-1, keepdim=True)
    return Injection(layers, size * direction.expand(rows, -1, -1).clone(), **more)


def test_coefficient_zero_gives_identical_tokens(model, unsteered):
    assert torch.equal(model.generate(PROMPTS, SEEDS, 0.4, injection=push(0.0)), unsteered)


def test_a_push_changes_tokens_and_leaves_nothing_behind(model, unsteered):
    assert not torch.equal(model.generate(PROMPTS, SEEDS, 0.4, injection=push(30.0)), unsteered)
    assert torch.equal(model.generate(PROMPTS, SEEDS, 0.4), unsteered)


def test_hooks_are_removed_when_something_fails(model, unsteered):
    with pytest.raises(RuntimeError, match="on purpose"), steered(model.blocks, push(30.0)):
        raise RuntimeError("on purpose")
    assert torch.equal(model.generate(PROMPTS, SEEDS, 0.4), unsteered)
    assert all(not block._forward_hooks for block in model.blocks)


def test_rows_are_steered_one_by_one(model, unsteered):
    injection = push(30.0)
    injection.delta[0] = 0
    tokens = model.generate(PROMPTS, SEEDS, 0.4, injection=injection)
    assert torch.equal(tokens[0], unsteered[0])
    assert not torch.equal(tokens[1], unsteered[1])


def test_reading_and_writing_are_at_the_same_place(model):
    """What is added at a block's output is what a reader of that block sees."""
    injection = push(3.0, layers=(2,), rows=1)
    tokens = torch.zeros(1, 4, 5, dtype=torch.long)
    plain = model.hidden_states(tokens, [None], [2])
    with steered(model.blocks, injection):
        pushed = model.hidden_states(tokens, [None], [2])
    assert torch.allclose(pushed - plain, injection.delta[:, :, None].expand_as(plain), atol=1e-5)


@pytest.mark.parametrize("branch", ["both", "cond", "null"])
def test_branches_of_guidance(model, branch):
    injection = push(5.0, layers=(0,), branch=branch)
    with captured(model.blocks, [0]) as plain:
        model.generate(PROMPTS, SEEDS, 0.02)
    with captured(model.blocks, [0]) as written:
        # the reader is hooked first here, so look at what the next block is given instead
        model.generate(PROMPTS, SEEDS, 0.02, injection=injection)
    with captured(model.blocks, [1]) as after_plain:
        model.generate(PROMPTS, SEEDS, 0.02)
    with captured(model.blocks, [1]) as after:
        model.generate(PROMPTS, SEEDS, 0.02, injection=injection)
    assert torch.equal(plain[0][0], written[0][0])
    changed = (after[0][0] - after_plain[0][0]).abs().amax((1, 2)) > 1e-6  # rows: two cond, two null
    expected = {"both": [True] * 4, "cond": [True, True, False, False], "null": [False, False, True, True]}[branch]
    assert changed.tolist() == expected


def test_schedule_and_gate_share_a_clock_that_nothing_stops():
    block = nn.Identity()
    delta = torch.ones(1, 1, 2)
    gate = torch.tensor([[True, False, True, False]])
    schedule = torch.tensor([1.0, 2.0, 3.0, 4.0])
    seen = []
    with steered([block], Injection((0,), delta, schedule, gate)) as clock:
        for step in range(6):
            clock.step = step
            seen.append(float(block(torch.zeros(1, 1, 2))[0, 0, 0]))
    assert seen == [1.0, 0.0, 3.0, 0.0, 0.0, 0.0]  # after a shut gate the schedule has moved on; the last step holds


def test_positions_of_one_call_follow_the_clock():
    block = nn.Identity()
    schedule = torch.tensor([1.0, 2.0, 3.0])
    with steered([block], Injection((0,), torch.ones(1, 1, 2), schedule)) as clock:
        clock.step = 0
        out = block(torch.zeros(1, 4, 2))
    assert out[0, :, 0].tolist() == [1.0, 2.0, 3.0, 3.0]


class Tuples(nn.Module):
    def forward(self, x):
        return x, "cache"


def test_blocks_that_return_tuples():
    block = Tuples()
    with steered([block], Injection((0,), torch.ones(2, 1, 3))):
        hidden, rest = block(torch.zeros(4, 1, 3))
    assert rest == "cache"
    assert torch.equal(hidden, torch.ones(4, 1, 3))


def test_a_batch_of_another_size_is_refused():
    block = nn.Identity()
    with steered([block], Injection((0,), torch.ones(2, 1, 3))), pytest.raises(ValueError, match="2 or 4 rows, got 3"):
        block(torch.zeros(3, 1, 3))


def test_nested_injections_add_up():
    block = nn.Identity()
    one = Injection((0,), torch.ones(1, 1, 2))
    with steered([block], one), steered([block], one):
        assert float(block(torch.zeros(1, 1, 2))[0, 0, 0]) == 2.0
    assert float(block(torch.zeros(1, 1, 2))[0, 0, 0]) == 0.0


def test_steering_goes_with_the_row_when_texts_have_different_lengths(model):
    prompts, seeds = ["a repeated C on flute", "a taiko"], [1, 2]
    plain = model.generate(prompts, seeds, 0.3)
    injection = push(30.0)
    injection.delta[0] = 0
    tokens = model.generate(prompts, seeds, 0.3, Sampling(), injection)
    assert torch.equal(tokens[0], plain[0])
    assert not torch.equal(tokens[1], plain[1])


def test_each_clip_may_have_a_schedule_of_its_own():
    block = nn.Identity()
    schedule = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    with steered([block], Injection((0,), torch.ones(2, 1, 3), schedule)):
        out = block(torch.zeros(4, 2, 3))
    assert out[:, :, 0].tolist() == [[1.0, 0.0], [0.0, 2.0]] * 2


def test_ablation_takes_the_projection_out_and_nothing_else():
    block = nn.Identity()
    generator = torch.Generator().manual_seed(0)
    hidden, mean = torch.randn(2, 4, 8, generator=generator), torch.randn(1, 8, generator=generator)
    unit = torch.randn(8, generator=generator)
    unit = (unit / unit.norm()).expand(2, 1, 8)
    with steered([block], Injection((0,), unit, read=unit, mean=mean)):
        out = block(hidden)
    assert torch.allclose((out - mean) @ unit[0, 0], torch.zeros(2, 4), atol=1e-5)
    across = hidden - out
    assert torch.allclose(across, (across @ unit[0, 0])[..., None] * unit[0, 0], atol=1e-5)


def test_the_norm_can_be_kept_and_nothing_added_is_bit_identical():
    block = nn.Identity()
    hidden = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(1))
    delta = torch.zeros(2, 1, 8)
    delta[1, 0, 0] = 5.0
    with steered([block], Injection((0,), delta, keep_norm=True)):
        out = block(hidden)
    assert torch.equal(out[0], hidden[0])
    assert torch.allclose(out[1].norm(dim=-1), hidden[1].norm(dim=-1), atol=1e-5)
    assert not torch.allclose(out[1], hidden[1])


def test_several_injections_are_written_one_after_the_other(model, unsteered):
    one, other = push(20.0, layers=(0,)), push(20.0, layers=(2,))
    together = model.generate(PROMPTS, SEEDS, 0.4, injection=[one, other])
    assert torch.equal(model.generate(PROMPTS, SEEDS, 0.4, injection=[push(0.0), push(0.0)]), unsteered)
    assert not torch.equal(together, model.generate(PROMPTS, SEEDS, 0.4, injection=one))


def test_divergence_is_zero_where_nothing_is_added_and_follows_the_schedule(model, unsteered):
    assert float(model.divergence(unsteered, PROMPTS, None).abs().max()) == 0
    half = torch.cat([torch.zeros(10), torch.ones(10)])
    found = model.divergence(unsteered, PROMPTS, push(30.0, layers=(2,), schedule=half))
    assert found.shape == (2, unsteered.shape[-1])
    assert float(found[:, :10].abs().max()) < 1e-6  # before the push begins nothing differs
    assert float(found[:, 10:].min()) > 0
