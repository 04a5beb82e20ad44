"""Mistake 8 of the seed project (the decoder's wrong axis), and acceptance tests 8 to 12: sparse autoencoders."""

import importlib.util

import numpy as np
import pytest
import torch

from sonoscope.interpretability.sae import (
    KINDS,
    Recipe,
    SparseAutoencoder,
    _few,
    _loss,
    _many,
    geometric_median,
    train_sae,
)
from sonoscope.interpretability.sae_files import export_sae, import_sae
from sonoscope.interpretability.sae_measures import (
    Recovered,
    fit_of,
    matched_share,
    mmcs,
    selectivity_null,
    spliced,
)

DIM, FEATURES, PLANTED, ACTIVE = 64, 512, 256, 8


def planted(count, seed):
    """Sums of 8 of 256 unit features, drawn by Zipf's law, with a little noise."""
    g = torch.Generator().manual_seed(1)
    truth = torch.nn.functional.normalize(torch.randn(PLANTED, DIM, generator=g), dim=1)
    g.manual_seed(seed)
    weights = (1 / torch.arange(1, PLANTED + 1).float() ** 0.7).expand(count, -1)
    which = torch.multinomial(weights, ACTIVE, generator=g)
    strength = torch.rand(count, ACTIVE, generator=g) + 0.5
    z = torch.zeros(count, PLANTED).scatter(1, which, strength)
    return truth, z @ truth + 0.02 * torch.randn(count, DIM, generator=g)


def batches(x, size, epochs, seed=0):
    g = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        order = torch.randperm(len(x), generator=g)
        for part in order.split(size):
            if len(part) == size:
                yield x[part]


def trained(kind, x, epochs, k=16, features=FEATURES, seed=0, **how):
    sae = SparseAutoencoder(x.shape[1], features, k, kind, torch.Generator().manual_seed(seed))
    sae.start_from(x[:5000])
    steps = epochs * (len(x) // 256)
    train_sae(sae, batches(x, 256, epochs), Recipe(steps, **how))
    return sae


@pytest.fixture(scope="module")
def topk():
    truth, x = planted(50_000, 2)
    return truth, x, trained("topk", x, 10)


def test_acceptance_08_a_planted_dictionary_is_recovered(topk):
    truth, _, sae = topk
    found = fit_of(sae, planted(4000, 3)[1])
    assert found.fvu <= 0.12 and found.dead <= 0.05 and found.l0 == pytest.approx(16, abs=0.1)
    assert mmcs(sae.W_dec, truth) >= 0.9
    assert mmcs(torch.randn(FEATURES, DIM, generator=torch.Generator().manual_seed(5)), truth) < 0.6


def test_mistake_8_and_acceptance_09_each_features_own_direction_has_norm_one(topk):
    sae = topk[2]
    assert sae.W_dec.shape == (FEATURES, DIM)
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(FEATURES), rtol=0, atol=1e-5)
    young, norms = SparseAutoencoder(DIM, 64, 4, "topk", torch.Generator().manual_seed(0)), []

    def look(_):
        norms.append(young.W_dec.norm(dim=1).detach().clone())

    train_sae(young, topk[1][:1280].split(128), Recipe(10, rate=0.05), look)
    assert len(norms) == 10
    torch.testing.assert_close(torch.stack(norms), torch.ones(10, 64), rtol=0, atol=1e-5)  # after every step


@pytest.mark.parametrize("kind", KINDS)
def test_acceptance_12_every_kind_learns_keeps_its_sparsity_and_comes_back_from_its_file(kind, tmp_path):
    x = planted(8000, 2)[1]
    sae = trained(kind, x, 6)
    held_out = planted(2000, 3)[1]
    found = fit_of(sae, held_out)
    assert found.fvu < 0.6
    slack = {"topk": 0.01, "batch_topk": 0.15, "matryoshka": 0.15, "jumprelu": 0.6}[kind]
    assert found.l0 == pytest.approx(16, rel=slack)
    export_sae(sae, tmp_path, {"model_name": "toy", "hook_name": "blocks.1.hook_resid_post"})
    again = import_sae(tmp_path)
    torch.testing.assert_close(again(held_out), sae(held_out), rtol=1e-4, atol=1e-4)


def test_acceptance_10_the_average_number_of_active_features_of_batch_topk_is_k(topk):
    x = topk[1]
    sae = trained("batch_topk", x[:8000], 6)
    sae.train()
    with torch.no_grad():
        assert float((sae.encode(x[:512]) > 0).float().sum(1).mean()) == pytest.approx(16, rel=0.02)
        sae.eval()  # one threshold for all, whatever stands in the batch
        assert float((sae.encode(x[:8000]) > 0).float().sum(1).mean()) == pytest.approx(16, rel=0.1)
        torch.testing.assert_close(sae.encode(x[:4]), sae.encode(x[:512])[:4])


@pytest.mark.skipif(importlib.util.find_spec("sae_lens") is None, reason="sae_lens is not installed")
def test_saelens_reads_what_is_exported(topk, tmp_path):
    from sae_lens import SAE

    export_sae(topk[2], tmp_path, {"model_name": "toy", "hook_name": "blocks.1.hook_resid_post"})
    other = SAE.load_from_disk(str(tmp_path))
    x = topk[1][:100]
    torch.testing.assert_close(other(x), topk[2](x), rtol=1e-4, atol=1e-4)


def test_the_geometric_median_ignores_a_far_outlier():
    x = torch.randn(999, 3, generator=torch.Generator().manual_seed(0))
    far = torch.cat([x, torch.full((50, 3), 1e4)])
    assert geometric_median(far).norm() < 0.3 < far.mean(0).norm()


def test_only_the_auxiliary_loss_reaches_dead_features():
    """A feature that is never among the k largest is moved by AuxK, and by nothing else."""
    x = planted(512, 2)[1]
    for weight, moves in ((0.0, False), (1.0, True)):
        sae = SparseAutoencoder(DIM, FEATURES, 4, "topk", torch.Generator().manual_seed(0))
        sae.start_from(x)
        with torch.no_grad():
            z = sae.encode(x)
        silent = ~(z > 0).any(0)
        before = sae.W_dec[silent].detach().clone()
        train_sae(sae, [x], Recipe(1, dead_after=1, auxiliary=weight))
        assert silent.any() and bool((sae.W_dec[silent] - before).abs().max() > 1e-6) is moves


def test_two_seeds_agree_more_than_two_random_dictionaries(topk):
    _truth, x, one = topk
    two = trained("topk", x, 4, seed=1)
    random = torch.randn(FEATURES, DIM, generator=torch.Generator().manual_seed(5))
    assert matched_share(one.W_dec, two.W_dec) > 0.3 > matched_share(one.W_dec, random)


def test_acceptance_11_splices_identity_recovers_all_and_zero_recovers_nothing(model):
    tokens = torch.randint(0, model.cardinality, (2, 4, 20), generator=torch.Generator().manual_seed(0))
    ce = {}
    for name, replacement in {"clean": None, "identity": torch.nn.Identity(), "zero": torch.zeros(1)}.items():
        with spliced(model.blocks[1], replacement):
            ce[name] = float(model.nll(tokens, [None, None]).mean())
    assert ce["identity"] == ce["clean"] and ce["zero"] != ce["clean"]
    assert Recovered(2.0, 2.0, 3.0, 2.5).share == 1 and Recovered(2.0, 3.0, 3.0, 2.5).share == 0


def test_selectivity_above_two_is_common_by_chance():
    """With four emotions and twenty clips each, a third of features that fire in one clip in twenty pass by chance."""
    g = np.random.default_rng(0)
    rates = (g.random((80, 1000)) < 0.05).astype(float)
    found, by_chance = selectivity_null(rates, list("abcd") * 20, g)
    assert found == pytest.approx(by_chance, rel=0.15) and found > 200


def test_few_rows_of_the_decoder_are_the_whole_product():
    """TopK is trained through k rows per input: losses and gradients are those of the dense code."""
    g = torch.Generator().manual_seed(0)
    sae, x = SparseAutoencoder(32, 128, 6, "topk", g), torch.randn(64, 32, generator=g)
    with torch.no_grad():
        sae.b_dec += 0.1
    pre, dead = sae.pre(x), torch.arange(128) < 40
    few, many = _few(sae, pre), _many(sae, pre)
    assert torch.equal(few.fired, many.fired)
    weights = [sae.W_enc, sae.W_dec, sae.b_enc, sae.b_dec]
    losses = [_loss(sae, x, pre, code, dead, Recipe(10)) for code in (few, many)]
    torch.testing.assert_close(*losses)
    for a, b in zip(*(torch.autograd.grad(loss, weights, retain_graph=True) for loss in losses), strict=True):
        torch.testing.assert_close(a, b)
