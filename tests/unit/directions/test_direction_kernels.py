import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.directions.eigen import top_eigenpairs
from sonoscope.directions.kernels import gradient_operator, laplace_kernel, ridge_solve, squared_distances

F64 = torch.float64


def points(n, dim, seed=0):
    return torch.randn(n, dim, dtype=F64, generator=torch.Generator().manual_seed(seed))


def metric(dim, seed=1):
    root = points(dim, dim, seed)
    return root @ root.T / dim


def distances(x, z, m):
    return squared_distances(x @ m @ z.T, (x @ m * x).sum(1), (z @ m * z).sum(1))


@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.4, 2.0])
@pytest.mark.parametrize("outputs", [1, 3])
def test_gradients_equal_autograd(exponent, outputs):
    x, m, alpha = points(12, 5), metric(5), points(12, outputs, 2)
    _, weight = laplace_kernel(distances(x, x, m).fill_diagonal_(0), 1.7, exponent)
    own = gradient_operator(weight, alpha, centre=False) @ x @ m
    for j in range(12):
        at = x[j].clone().requires_grad_(True)
        difference = torch.cat([x[:j], x[j + 1 :]]) - at  # the term i = j has no gradient
        d = (difference @ m * difference).sum(1).sqrt()
        value = torch.exp(-((d / 1.7) ** exponent)) @ torch.cat([alpha[:j], alpha[j + 1 :]])
        for c in range(outputs):
            (expected,) = torch.autograd.grad(value[c], at, retain_graph=True)
            torch.testing.assert_close(own[c, j], expected, atol=1e-8, rtol=1e-8)


def test_centred_gradients_have_mean_zero_per_output():
    x, alpha = points(10, 4), points(10, 2, 3)
    _, weight = laplace_kernel(distances(x, x, torch.eye(4, dtype=F64)), 1.0, 1.0)
    plain, centred = (gradient_operator(weight, alpha, c) @ x for c in (False, True))
    torch.testing.assert_close(centred, plain - plain.mean(1, keepdim=True))
    assert plain.mean(1).abs().max() > 1e-3


def test_average_gradient_outer_product_is_positive_semidefinite():
    x, alpha = points(20, 6), points(20, 1, 4)
    _, weight = laplace_kernel(distances(x, x, metric(6)), 2.0, 1.0)
    gradients = (gradient_operator(weight, alpha, True) @ x).flatten(0, 1)
    values = torch.linalg.eigvalsh(gradients.T @ gradients)
    assert values.min() >= -1e-10 * values.max()


def test_ridge_solution_is_the_closed_form():
    x, y = points(15, 3), points(15, 2, 5)
    kernel, _ = laplace_kernel(distances(x, x, torch.eye(3, dtype=F64)), 1.0, 1.0)
    expected = torch.linalg.inv(kernel + 0.1 * torch.eye(15, dtype=F64)) @ y
    torch.testing.assert_close(ridge_solve(kernel, 0.1, y), expected)


def test_ridge_jitter_rescues_a_singular_kernel_and_refuses_nan():
    ones = torch.ones(4, 4, dtype=F64)
    assert torch.isfinite(ridge_solve(ones, 0.0, torch.ones(4, 1, dtype=F64))).all()
    with pytest.raises(ValueError, match="not positive definite"):
        ridge_solve(ones * float("nan"), 0.1, torch.ones(4, 1, dtype=F64))


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("exponent", [0.7, 1.0, 1.4])
def test_coinciding_points_give_distance_zero_and_no_gradient(dtype, exponent):
    x = torch.cat([points(6, 4), points(6, 4)]).to(dtype) + 50
    squared = squared_distances(x @ x.T, x.square().sum(1), x.square().sum(1))
    kernel, weight = laplace_kernel(squared, 1.0, exponent)
    twins = torch.arange(6), torch.arange(6, 12)
    assert (squared[twins] == 0).all() and (weight[twins] == 0).all() and (kernel[twins] == 1).all()
    assert torch.isfinite(weight).all()


@pytest.mark.parametrize(("bandwidth", "exponent"), [(0.0, 1.0), (1.0, 0.0), (1.0, 2.1)])
def test_kernel_refuses_what_is_no_kernel(bandwidth, exponent):
    with pytest.raises(ValueError, match="bandwidth > 0"):
        laplace_kernel(torch.ones(2, 2), bandwidth, exponent)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 30), st.integers(1, 4))
def test_lanczos_equals_dense_eigenvectors(seed, rows, dim, count):
    g = points(rows, dim, seed)
    values, vectors = top_eigenpairs(lambda v: g.T @ (g @ v), torch.linspace(1, 2, dim, dtype=F64), count)
    expected = torch.linalg.eigvalsh(g.T @ g).flip(0)[: len(values)]
    assert len(values) == min(count, rows, dim)
    torch.testing.assert_close(values, expected, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(len(values), dtype=F64), rtol=0, atol=1e-8)
    torch.testing.assert_close(g.T @ (g @ vectors.T), vectors.T * values, rtol=0, atol=1e-6 * float(expected[0]))
