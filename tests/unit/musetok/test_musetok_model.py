import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.events import to_bars
from sonoscope.musetok.latents import batches, encode_bars, pad
from sonoscope.musetok.model import MuseTok, initialise, sinusoids
from sonoscope.musetok.reconstruction import note_hits, notes_of, reconstruct
from sonoscope.musetok.simvq import COMMITMENT, ResidualSimVQ, SimVQ, rotate
from sonoscope.settings.musetok import Events, Geometry
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import random_causes

SHAPE = Geometry(dim=32, heads=4, dim_feedforward=48, dim_latent=16, codebooks=3, codes=24)


@pytest.fixture(scope="module")
def model():
    return initialise(MuseTok(SHAPE), 1).eval()


@pytest.fixture(scope="module")
def bars():
    rng = np.random.default_rng(0)
    pieces = [to_bars(compose(random_causes(rng), seed, bars=6), Events(end=True)) for seed in range(4)]
    return [bar for piece in pieces for bar in piece]


def test_a_bar_does_not_see_the_others_nor_its_padding(model, bars):
    with torch.no_grad():
        alone = torch.cat([model.encode(pad([bar])) for bar in bars])
        together = model.encode(pad(bars))
    assert (alone - together).abs().max() < 1e-5


def test_all_ways_to_batch_give_the_same(model, bars):
    whole = encode_bars(model, bars)
    single = encode_bars(model, bars, batch_tokens=1)
    order = np.random.default_rng(1).permutation(len(bars))
    shuffled = encode_bars(model, [bars[k] for k in order], batch_tokens=300)
    for kind in ("dequantised", "prequantised", "encoder"):
        assert np.abs(getattr(whole, kind) - getattr(single, kind)).max() < 1e-5
        assert np.abs(getattr(whole, kind)[order] - getattr(shuffled, kind)).max() < 1e-5
    assert (whole.codes == single.codes).all()
    assert (whole.codes[order] == shuffled.codes).all()


def test_equal_bars_are_encoded_once(model, bars, monkeypatch):
    seen = []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda tokens: seen.append(len(tokens)) or encode(tokens))
    found = encode_bars(model, [bars[0], bars[1], bars[0], bars[0]])
    assert (sum(seen), found.distinct) == (2, 2)
    assert (found.encoder[[0, 0]] == found.encoder[[2, 3]]).all()


def test_kinds_of_latents_belong_together(model, bars):
    found = encode_bars(model, bars)
    assert found.encoder.shape == (len(bars), 32)
    assert found.codes.shape == (len(bars), 3)
    with torch.no_grad():
        latents = model.quantiser.dequantise(torch.from_numpy(found.codes).long())
        projected = model.to_latent(torch.from_numpy(found.encoder))
    assert np.abs(latents.numpy() - found.dequantised).max() < 1e-5
    assert np.abs(projected.numpy() - found.prequantised).max() < 1e-5


def test_padding_alone_gives_numbers(model):
    with torch.no_grad():
        assert model.encode(torch.full((2, 7), v.PAD)).isfinite().all()


def test_no_bars_give_no_latents(model):
    assert encode_bars(model, []).dequantised.shape == (0, 16)


@given(st.lists(st.integers(1, 128), max_size=60), st.integers(1, 600))
@settings(deadline=None)
def test_batches_hold_every_row_once_and_keep_to_the_limit(lengths, most):
    found = batches(lengths, most)
    assert sorted(r for rows in found for r in rows) == list(range(len(lengths)))
    for rows in found:
        assert len(rows) == 1 or len(rows) * max(lengths[r] for r in rows) <= most


def test_the_decoder_sees_no_later_token_and_every_latent(model, bars):
    tokens = torch.from_numpy(np.concatenate(bars[:2]).astype(np.int64))[None]
    bar = torch.repeat_interleave(torch.tensor([len(b) for b in bars[:2]]))[None]
    latents = torch.randn(1, 2, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = model.decode(tokens, latents, bar)
        changed = tokens.clone()
        changed[0, 10:] = v.BAR
        assert torch.allclose(model.decode(changed, latents, bar)[:, :10], logits[:, :10], atol=1e-5)
        second = latents.clone()
        second[:, 1] += 1
        moved = (model.decode(tokens, second, bar) - logits).abs().sum(-1)[0]
    assert (moved[: len(bars[0])] < 1e-4).all()
    assert (moved[len(bars[0]) :] > 1e-3).all()


def test_positions_are_sines_and_cosines():
    table = sinusoids(3, 4)
    assert table[2].tolist() == pytest.approx([np.sin(2), np.cos(2), np.sin(0.02), np.cos(0.02)], abs=1e-6)


def test_simvq_takes_the_nearest_code_and_measures_both_pulls():
    level = SimVQ(12, 6)
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        chosen, codes, loss = level(x)
        distance = (x[:, None] - level.codebook()[None]).square().sum(-1)
        assert (codes == distance.argmin(1)).all()
        assert loss.item() == pytest.approx((1 + COMMITMENT) * (chosen - x).square().mean().item(), rel=1e-5)


def test_simvq_trains_the_map_and_the_input_but_not_the_codebook():
    levels = ResidualSimVQ(2, 12, 6)
    x = torch.randn(5, 6, requires_grad=True)
    found = levels(x)
    (found.output.sum() + found.losses.sum()).backward()
    assert x.grad is not None and x.grad.abs().sum() > 0
    assert all(level.code_transform.weight.grad.abs().sum() > 0 for level in levels.levels)
    assert not any(level.frozen_codebook.requires_grad for level in levels.levels)


def test_rotation_reaches_its_target_and_turns_the_gradient():
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(7, 6, generator=generator, requires_grad=True)
    target = torch.randn(7, 6, generator=generator)
    turned = rotate(x, target)
    assert torch.allclose(turned, target, atol=1e-5)
    along = torch.randn(7, 6, generator=generator)
    (turned * along).sum().backward()
    stretch = target.norm(dim=1) / x.detach().norm(dim=1)
    assert torch.allclose(x.grad.norm(dim=1), stretch * along.norm(dim=1), rtol=1e-4)  # turned and stretched, not bent


def test_reconstruction_ends_every_bar(model):
    written = reconstruct(model, torch.randn(5, 16, generator=torch.Generator().manual_seed(0)), longest=20)
    assert len(written) == 5
    assert all(bar[0] == v.BAR and 1 < len(bar) <= 20 for bar in written)


def test_notes_are_read_and_compared(bars):
    bar = bars[0]
    assert notes_of(bar).total() == (np.isin(bar, v.PITCHES[v.PITCHES >= 0])).sum()
    assert note_hits([bar], [bar]).tolist() == [[notes_of(bar).total()] * 3]
    assert note_hits([bar], [bars[0][:1]])[0, [0, 2]].tolist() == [0, 0]
    broken = np.delete(bar, 2)  # the first note lost its pitch
    assert note_hits([bar], [broken])[0, 0] == notes_of(bar).total() - 1


def test_simvq_is_that_of_the_library_that_the_published_model_uses():
    library = pytest.importorskip("vector_quantize_pytorch")
    theirs = library.ResidualSimVQ(dim=16, num_quantizers=4, codebook_size=32, rotation_trick=True).train()
    ours = ResidualSimVQ(4, 32, 16)
    ours.load_state_dict({n.replace("layers.", "levels."): t for n, t in theirs.state_dict().items()})
    x = torch.randn(35, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    y = x.detach().clone().requires_grad_()
    output, codes, losses = theirs(x[None])
    found = ours(y)
    assert torch.equal(codes[0], found.codes)
    assert torch.allclose(output[0], found.output, atol=1e-5)
    assert torch.allclose(losses, found.losses, atol=1e-6)
    ((output[0] ** 2).sum() + losses.sum()).backward()
    ((found.output**2).sum() + found.losses.sum()).backward()
    assert torch.allclose(x.grad, y.grad, atol=1e-5)
    for k in range(4):
        assert torch.allclose(
            theirs.layers[k].code_transform.weight.grad, ours.levels[k].code_transform.weight.grad, atol=1e-5
        )
