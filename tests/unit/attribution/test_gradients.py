"""Per-sample gradients and their projections against autograd, torch.func and each other."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from sonoscope.attribution.capture import capturing, coverage
from sonoscope.attribution.ekfac import EKFAC, fit
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.hashing import buckets_and_signs, keys, signs
from sonoscope.attribution.projections import SJLT, LoGra, LoRAGradient, Masked, Rademacher, Scaled


class Small(nn.Module):
    """Everything that a MusicGen has: embedding, norm, a bare projection used in slices, a reused layer, a bias."""

    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(11, 6)
        self.norm = nn.LayerNorm(6)
        self.in_proj_weight = nn.Parameter(torch.randn(18, 6) / 3)
        self.out = nn.Linear(6, 6)
        self.head = nn.Linear(6, 11, bias=False)

    def forward(self, ids):
        x = self.norm(self.emb(ids))
        q = functional.linear(x, self.in_proj_weight[:6])
        k = functional.linear(x, self.in_proj_weight[6:12])
        v = functional.linear(x, self.in_proj_weight[12:])
        weights = (q @ k.transpose(1, 2)).softmax(-1)
        return self.head(self.out(self.out(weights @ v).tanh()))


def per_sample(model, ids):
    logits = model(ids)
    return (
        functional.cross_entropy(logits.flatten(0, 1), ids.roll(1, 1).flatten(), reduction="none")
        .view(len(ids), -1)
        .mean(1)
    )


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Small().double()


@pytest.fixture
def ids():
    return torch.randint(11, (4, 7), generator=torch.Generator().manual_seed(1))


def captured(model, ids):
    parameters = dict(model.named_parameters())
    model.requires_grad_(False)
    with capturing(parameters) as capture:
        loss = per_sample(model, ids)
    loss.sum().backward()
    return parameters, capture


def flat(capture, parameters, count):
    out = {n: torch.zeros(count, p.numel(), dtype=torch.float64) for n, p in parameters.items()}
    for name, offset, block in capture.blocks():
        out[name][:, offset : offset + block.shape[1]] += block
    return out


def test_blocks_equal_torch_func_and_single_backward_passes(model, ids):
    values = {n: p.detach().clone() for n, p in model.named_parameters()}

    def loss_of(weights, one):
        logits = torch.func.functional_call(model, weights, (one[None],))
        return functional.cross_entropy(logits[0], one.roll(1, 0))

    oracle = torch.func.vmap(torch.func.grad(loss_of), in_dims=(None, 0))(values, ids)
    singles = []
    for row in range(len(ids)):
        model.requires_grad_(True).zero_grad()
        per_sample(model, ids[row : row + 1]).sum().backward()
        singles.append({n: p.grad.clone() for n, p in model.named_parameters()})
    parameters, capture = captured(model, ids)
    assert coverage(parameters, capture) == 1.0
    for name, found in flat(capture, parameters, len(ids)).items():
        torch.testing.assert_close(found, oracle[name].flatten(1), atol=1e-12, rtol=1e-9)
        torch.testing.assert_close(found, torch.stack([s[name].flatten() for s in singles]), atol=1e-12, rtol=1e-9)


def test_weights_stay_frozen_and_unwatched_parameters_are_missed(model, ids):
    parameters, _ = captured(model, ids)
    assert all(p.grad is None for p in model.parameters())
    del parameters["in_proj_weight"]
    with capturing(parameters) as less:
        per_sample(model, ids).sum().backward()
    assert "in_proj_weight" not in less.covered()
    assert coverage(dict(model.named_parameters()), less) == pytest.approx(
        1 - 108 / sum(p.numel() for p in model.parameters())
    )


def test_a_capture_without_a_backward_pass_says_so(model, ids):
    with capturing(dict(model.named_parameters())) as capture:
        per_sample(model, ids)
    with pytest.raises(AttributionError, match="expected a backward pass"):
        capture.uses[0].gradient()


def explicit_sjlt(gradients, dim, seed):
    out = 0
    for name, rows in gradients.items():
        bucket, sign = buckets_and_signs(0, rows.shape[1], dim, keys(seed, "sjlt", name), torch.device("cpu"))
        matrix = torch.zeros(rows.shape[1], dim, dtype=torch.float64)
        matrix[torch.arange(len(bucket)), bucket] = sign.double()
        out = out + rows @ matrix
    return out


def test_projections_equal_explicit_matrices(model, ids):
    parameters, capture = captured(model, ids)
    gradients = flat(capture, parameters, len(ids))
    every = parameters.__contains__
    torch.testing.assert_close(
        SJLT(64, 3).project(capture, every).double(), explicit_sjlt(gradients, 64, 3), atol=1e-6, rtol=1e-5
    )
    dense = sum(
        g @ signs(0, g.shape[1], 40, keys(3, "rademacher", n), torch.device("cpu")).double() / 40**0.5
        for n, g in gradients.items()
    )
    torch.testing.assert_close(Rademacher(40, 3).project(capture, every).double(), dense, atol=1e-6, rtol=1e-5)
    logra = LoGra(2, 3, capture, every)
    rows = logra.project(capture, every)
    assert rows.shape == (4, 4 * len(logra.parts)) and len(logra.parts) == 5
    place = logra.parts.index(("in_proj_weight", 36))
    left = signs(6, 6, 2, keys(3, "logra-out", "in_proj_weight"), torch.device("cpu")).double() / 2**0.5
    right = signs(0, 6, 2, keys(3, "logra-in", "in_proj_weight"), torch.device("cpu")).double() / 2**0.5
    middle = gradients["in_proj_weight"][:, 36:72].view(4, 6, 6)
    torch.testing.assert_close(
        rows[:, 4 * place : 4 * place + 4].double(), (left.T @ middle @ right).flatten(1), atol=1e-6, rtol=1e-5
    )


def test_rows_as_adam_scales_them_multiply_to_its_step(model, ids):
    """The product of two rows is that of one gradient with the other's step, g/(√v + λ), but for the sketch's noise."""
    parameters, capture = captured(model, ids)
    gradients = flat(capture, parameters, len(ids))
    roots = {n: torch.rand(p.shape, generator=torch.Generator().manual_seed(3)) for n, p in parameters.items()}
    rows = Scaled(2**16, 0, roots, 0.1).project(capture, parameters.__contains__).double()
    mean = sum(float(r.square().sum()) for r in roots.values()) / sum(r.numel() for r in roots.values())
    exact = sum(
        (g / (roots[n].flatten().double().square() + 0.1 * mean)) @ g.T for n, g in gradients.items()
    )  # fmt: skip
    torch.testing.assert_close(rows @ rows.T, exact, atol=0.03 * float(exact.diagonal().max()), rtol=0.03)
    untouched = {n: torch.zeros_like(r) if n == "emb.weight" else r for n, r in roots.items()}
    floored = Scaled(64, 0, untouched, 0.1).scales["emb.weight"]
    assert torch.isfinite(floored).all()  # what training never touched has a bound


def test_masks_copy_rescaled_coordinates(model, ids):
    parameters, capture = captured(model, ids)
    sizes = {n: p.numel() for n, p in parameters.items()}
    whole = torch.cat([flat(capture, parameters, 4)[n] for n in sorted(sizes)], dim=1)
    mask = Masked(32, 0, sizes)
    torch.testing.assert_close(
        mask.project(capture, sizes.__contains__).double(),
        whole[:, mask.coordinates] * (sum(sizes.values()) / 32) ** 0.5,
        atol=1e-6,
        rtol=1e-5,
    )


def test_adapter_gradients_follow_from_those_of_the_merged_weight(model, ids):
    generator = torch.Generator().manual_seed(5)
    down = torch.randn(2, 6, generator=generator, dtype=torch.float64).requires_grad_()
    up = torch.randn(18, 2, generator=generator, dtype=torch.float64).requires_grad_()
    base = model.in_proj_weight.detach().clone()
    logits = torch.func.functional_call(model, {"in_proj_weight": base + 2.0 * up @ down}, (ids[:1],))
    functional.cross_entropy(logits[0], ids[0].roll(1, 0)).backward()
    with torch.no_grad():
        model.in_proj_weight += 2.0 * up @ down
    _, capture = captured(model, ids[:1])
    lora = LoRAGradient(4096, 0, {"in_proj_weight": (down.detach(), up.detach())}, 2.0)
    total = {"up": torch.zeros(18 * 2, dtype=torch.float64), "down": torch.zeros(12, dtype=torch.float64)}
    for name, offset, block in lora.parts(capture, lambda _: True):
        total[name.rpartition("_")[2]][offset : offset + block.shape[1]] += block[0]
    torch.testing.assert_close(total["up"], up.grad.flatten())
    torch.testing.assert_close(total["down"], down.grad.flatten())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(0, 10_000))
def test_hashes_depend_on_the_coordinate_alone(seed, count, first):
    key = keys(seed, "sjlt", "w")
    whole = buckets_and_signs(0, first + count, 97, key, torch.device("cpu"))
    part = buckets_and_signs(first, count, 97, key, torch.device("cpu"))
    for a, b in zip(whole, part, strict=True):
        assert torch.equal(a[first:], b)
    assert torch.equal(
        signs(0, first + count, 50, key, torch.device("cpu"))[first:], signs(first, count, 50, key, torch.device("cpu"))
    )


def sketched(kind, dim, seed, rows):
    return {"sjlt": SJLT, "rademacher": Rademacher}[kind](dim, seed).sketch("w", rows)


@pytest.mark.parametrize("kind", ["sjlt", "rademacher"])
def test_inner_products_are_kept_with_the_variance_of_theory(kind):
    generator = torch.Generator().manual_seed(2)
    x = functional.normalize(torch.randn(500, generator=generator), dim=0)
    y = functional.normalize(torch.randn(500, generator=generator) + 0.5 * x * 500**0.5 / 2, dim=0)
    rows, dim, seeds = torch.stack([x, y]), 128, 400
    found = torch.tensor([float(torch.prod(sketched(kind, dim, s, rows), dim=0).sum()) for s in range(seeds)])
    rho = float(x @ y)
    theory = ((1 + rho**2) / dim) ** 0.5
    assert abs(float(found.mean()) - rho) < 4 * theory / seeds**0.5
    assert 0.8 * theory < float(found.std()) < 1.2 * theory


def test_ekfac_whitening_is_the_inverse_curvature_for_one_linear_layer():
    """With one token per sample, the whitened products are g H⁻¹ g where H is diagonal in the eigenbasis."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 2, bias=False)
    data = torch.randn(200, 1, 3) * torch.tensor([1.0, 2.0, 0.5])
    noise = torch.randn(200, 1, 2) * torch.tensor([0.3, 1.0])

    def capture():
        with capturing({"weight": layer.weight}) as found:
            out = layer(data)
        layer.requires_grad_(False)
        (out * noise).sum().backward()
        return found

    layer.requires_grad_(False)
    factors = fit([capture()], [capture()], lambda _: True)
    projection = EKFAC(2**16, 0, factors, 1e-6)
    rows = projection.project(capture(), lambda _: True)
    gradients = torch.einsum("bto,bti->boi", noise, data).flatten(1)
    curvature = gradients.T @ gradients / 200
    exact = gradients @ torch.linalg.inv(curvature) @ gradients.T
    found = rows @ rows.T
    assert torch.corrcoef(torch.stack([found.flatten(), exact.flatten()]))[0, 1] > 0.98
