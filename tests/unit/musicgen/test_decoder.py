"""Our own decode steps beside those of both libraries."""

import pytest
import torch
from torch import nn

from sonoscope.musicgen.decoder import SPAN, Decoder, can_decode, text_of
from sonoscope.musicgen.interface import Injection, Sampling
from sonoscope.musicgen.steering import captured

PROMPTS = ["a repeated C on flute", "a taiko at 90 bpm", None, "a taiko"]
SEEDS = [3, 4, 5, 6]


def decoder(model, prompts, steps, injection=None, fixed=None):
    groups = [(rows, model._text_states(found)) for rows, found in model._by_text_length(prompts, guided=True)]
    return Decoder(model._network(steps), text_of(groups), steps, injection, fixed=fixed)


def columns(model, clips, steps):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, model.cardinality + 1, (clips, model.num_codebooks, steps), generator=generator)


def injections(model):
    generator = torch.Generator().manual_seed(2)
    shape = (len(PROMPTS), 2, model.dim)
    unit = torch.nn.functional.normalize(torch.randn(shape, generator=generator), dim=-1)
    mean = torch.randn(2, model.dim, generator=generator)
    ramp, gate = torch.linspace(0, 1, 12).repeat(len(PROMPTS), 1), torch.arange(12).repeat(len(PROMPTS), 1) % 3 > 0
    return {
        "none": None,
        "steady": Injection((0, 2), 3 * unit),
        "scheduled": Injection((0, 2), 3 * unit, schedule=ramp),
        "gated": Injection((0, 1), 3 * unit, schedule=ramp[0], gate=gate),
        "one branch": Injection((1, 2), 3 * unit, branch="cond", keep_norm=True),
        "ablation": Injection((0, 1), unit, read=unit, mean=mean),
        "several": [Injection((0, 1), 3 * unit), Injection((1, 2), unit, read=unit, keep_norm=True)],
    }


@pytest.mark.parametrize("kind", ["none", "steady", "scheduled", "gated", "one branch", "ablation", "several"])
@torch.no_grad()
def test_logits_are_the_librarys(model, kind):
    injection, steps = injections(model)[kind], 12
    ours = decoder(model, PROMPTS, steps, injection)
    sequence = columns(model, len(PROMPTS), steps)
    found = torch.stack([ours(sequence[..., k : k + 1]) for k in range(steps)], 2)  # [2B, K, S, cardinality]
    for rows, condition in model._by_text_length(PROMPTS, guided=True):
        from sonoscope.musicgen.interface import of_clips

        with model._by_library(condition, of_clips(injection, rows)) as step:
            theirs = torch.stack([step(sequence[rows, :, k : k + 1]) for k in range(steps)], 2)
        both = [*rows, *(len(PROMPTS) + row for row in rows)]
        assert torch.allclose(found[both], theirs, atol=2e-5), (found[both] - theirs).abs().max()


@pytest.mark.parametrize("kind", ["none", "steady", "scheduled", "gated", "one branch", "ablation", "several"])
def test_without_guidance_null_rows_are_left_out_and_change_nothing(model, kind):
    """Whoever listens to blocks is shown both rows; the tokens are the same."""
    injection, plain = injections(model)[kind], Sampling(guidance=1.0)
    alone = model.generate(PROMPTS, SEEDS, 0.4, plain, injection)
    with captured(model.blocks, [0]) as store:
        heard = model.generate(PROMPTS, SEEDS, 0.4, plain, injection)
    assert {len(states) % 2 for states in store[0]} == {0}
    model.own_decoder = False
    try:
        by_library = model.generate(PROMPTS, SEEDS, 0.4, plain, injection)
    finally:
        del model.own_decoder
    assert torch.equal(alone, heard)
    assert torch.equal(alone, by_library)


@torch.no_grad()
def test_reading_in_spans_behind_a_mask_changes_nothing(model):
    """What a CUDA graph does, without one."""
    steps = SPAN + 8
    sequence = columns(model, 2, steps)
    plain, spans = (decoder(model, PROMPTS[:2], steps, fixed=fixed) for fixed in (False, True))
    for k in range(steps):
        column = sequence[..., k : k + 1]
        assert torch.allclose(plain(column), spans(column), atol=1e-5), k


@torch.no_grad()
def test_double_precision_agrees_with_single(model):
    twice = 2
    single = decoder(model, PROMPTS[:2], 8)
    sequence = columns(model, 2, 8)
    expected = [single(sequence[..., k : k + 1]) for k in range(8)]
    model.lm.double()
    try:
        exact = decoder(model, PROMPTS[:2], 8)
        found = [exact(sequence[..., k : k + 1]) for k in range(8)]
    finally:
        model.lm.float()
    assert found[0].dtype == torch.float64
    assert len(found[0]) == twice * 2
    assert all(torch.allclose(a.double(), b, atol=1e-4) for a, b in zip(expected, found, strict=True))


def test_tokens_are_the_librarys(model):
    found = model.generate(PROMPTS, SEEDS, 0.5, Sampling(top_k=1))
    model.own_decoder = False
    try:
        expected = model.generate(PROMPTS, SEEDS, 0.5, Sampling(top_k=1))
    finally:
        model.own_decoder = True
    assert torch.equal(found, expected)


def test_hooks_of_blocks_are_called_and_others_are_left_to_the_library(model):
    assert can_decode(model.lm, model.blocks)
    with captured(model.blocks, [1]) as store:
        assert can_decode(model.lm, model.blocks)
        model.generate(PROMPTS[:1], [1], 0.1)
    assert len(store[0]) == 5 + model.num_codebooks - 1
    assert store[0][0].shape == (2, 1, model.dim)
    handle = model.blocks[0].linear1.register_forward_hook(lambda *_: None)
    assert not can_decode(model.lm, model.blocks)
    handle.remove()


def test_it_counts_its_steps(model):
    ours = decoder(model, PROMPTS[:1], 1)
    with torch.no_grad():
        ours(columns(model, 1, 1))
        with pytest.raises(ValueError, match="made for 1 steps"):
            ours(columns(model, 1, 1))


def test_what_it_does_not_know_is_left_to_the_library(model):
    first = model.blocks[0]
    first.layer_scale_1 = nn.Linear(1, 1)
    assert model._network(4) is None
    first.layer_scale_1 = nn.Identity()
    assert model._network(4) is not None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics card is visible")
@torch.no_grad()
def test_a_graph_gives_what_the_cpu_gives(folder):
    """On a graphics card, in half precision, steps recorded as CUDA graphs."""
    from sonoscope.musicgen.checkpoint import load_folder

    there, here = load_folder(folder, "random", "cuda"), load_folder(folder, "random", "cpu")
    sequence = columns(here, 2, SPAN + 8)
    graph, plain = (decoder(m, PROMPTS[:2], SPAN + 8) for m in (there, here))
    assert graph.graphed
    for k in range(sequence.shape[-1]):
        column = sequence[..., k : k + 1]
        assert torch.allclose(graph(column.cuda()).float().cpu(), plain(column), atol=0.05), k
