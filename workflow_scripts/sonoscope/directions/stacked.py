"""The choice of `sonoscope.directions.search.choose` for all layers of a model at once, in batched products.

A graphics card that fits one layer after the other waits for the host most of the time. Here kernels, Cholesky factors
and products of all layers are single calls. What is computed is the same: the metric by inner products with its spread
kept, the score of projections, and each layer's curve cut where `choose` would have stopped.

Axes: ``L`` layers, ``n`` training clips, ``o`` outputs, ``d`` dimensions.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from sonoscope.directions.errors import DirectionError
from sonoscope.directions.recursion import KernelSettings
from sonoscope.directions.scores import projection_score
from sonoscope.directions.search import RANKING_TOLERANCE, STILL, Choice, best_of, centred_targets, has_fallen
from sonoscope.directions.targets import Groups, Target
from sonoscope.statistics.splits import grouped_folds


def choose_stacked(
    states: Tensor, target: Target, groups: Groups, candidates: Sequence[KernelSettings], *, iterations: int,
    folds: int, generator: np.random.Generator, components: int = 1, patience: float = 1.1,
) -> list[Choice]:  # fmt: skip
    """Settings and iterate of each layer, from states ``(n, L, d)``; see `choose`, whose arguments these are."""
    splits = grouped_folds(len(target), folds, generator, groups, target.strata())
    table = np.full((states.shape[1], len(candidates), iterations + 1, len(splits)), -np.inf)
    for column, (train, test) in enumerate(splits):
        fit_on, held_out = (states[torch.from_numpy(rows)].transpose(0, 1) for rows in (train, test))
        mean = fit_on.mean(1, keepdim=True)
        sides = target.take(train), target.take(test, held_out=True)
        points, others = fit_on - mean, held_out - mean
        gram = points @ points.mT
        for row, settings in enumerate(candidates):
            bases = _bases(points, gram, centred_targets(sides[0]), settings, iterations, components)
            for layer, curve in enumerate(_curves(bases, points, others, sides, iterations, patience)):
                table[layer, row, : len(curve), column] = curve
    return [best_of(table[layer], list(candidates)) for layer in range(len(table))]


def _bases(
    points: Tensor, gram: Tensor, targets: Tensor, settings: KernelSettings, iterations: int, components: int
) -> Iterator[Tensor]:
    """Leading eigenvectors ``(L, k, d)`` under M = I and after each update of the metric."""
    goal = _spread(gram)
    unit = goal.clamp_min(0).sqrt() if settings.bandwidth_unit == "relative" else torch.ones_like(goal)
    bandwidth, moved_points = settings.bandwidth * unit[:, None, None], points
    start = _start(points)
    for number in range(iterations + 1):
        kernel, weight = _kernel(gram, bandwidth, settings.exponent)
        coefficients = _ridge(kernel, settings.penalty, targets)
        operator = _operator(weight, coefficients, settings.centre_gradients)  # [L, o n, n]
        gradients = operator @ moved_points  # [L, o n, d]
        yield leading(gradients, start, components)
        if number == iterations:
            return
        moved = gram @ operator.mT  # [L, n, o n]
        gram = moved @ moved.mT
        scale = (goal / _spread(gram).clamp_min(torch.finfo(gram.dtype).tiny))[:, None, None]
        gram, moved_points = scale * gram, scale * (moved @ gradients)


def _curves(
    bases: Iterator[Tensor], points: Tensor, others: Tensor, sides: tuple[Target, Target], iterations: int,
    patience: float,
) -> list[list[float]]:  # fmt: skip
    """Held-out score per iterate and layer, cut where one layer alone would have been left."""
    layers = range(len(points))
    curves: list[list[float]] = [[] for _ in layers]
    running, before = set(layers), None
    for basis in bases:
        projected = points @ basis.mT, others @ basis.mT
        for layer in sorted(running):
            curve = curves[layer]
            curve.append(projection_score(projected[0][layer], sides[0], projected[1][layer], sides[1]))
            still = before is not None and bool(((before[layer] * basis[layer]).sum(1).abs() > 1 - STILL).all())
            if still:
                curve += [curve[-1]] * (iterations + 1 - len(curve))
            if still or has_fallen(curve, patience):
                running.discard(layer)
        if not running:
            break
        before = basis
    return curves


def _spread(gram: Tensor) -> Tensor:
    """Mean squared distance of different points, ``(L,)``."""
    n = gram.shape[-1]
    return 2 * (gram.diagonal(dim1=1, dim2=2).sum(1) - gram.mean((1, 2)) * n) / (n - 1)


def _kernel(gram: Tensor, bandwidth: Tensor, exponent: float) -> tuple[Tensor, Tensor]:
    """See `kernels.laplace_kernel`."""
    diagonal = gram.diagonal(dim1=1, dim2=2)
    norms = diagonal[:, :, None] + diagonal[:, None, :]
    squared = norms - 2 * gram
    squared = squared.masked_fill(squared <= 16 * torch.finfo(gram.dtype).eps * norms, 0.0)
    squared.diagonal(dim1=1, dim2=2).zero_()
    ratio = squared / bandwidth**2
    power = ratio.pow(exponent / 2)
    kernel = torch.exp(-power)
    slope = kernel * power / ratio.clamp_min(torch.finfo(ratio.dtype).tiny)
    return kernel, (-exponent / bandwidth**2 * slope).masked_fill(squared == 0, 0.0)


def _ridge(kernel: Tensor, penalty: float, targets: Tensor) -> Tensor:
    """Solutions ``(L, n, o)``; jitter grows where a layer's matrix needs it, as in `kernels.ridge_solve`."""
    system = kernel.clone()
    diagonal = system.diagonal(dim1=1, dim2=2)
    diagonal.add_(penalty)
    factor, failed = torch.linalg.cholesky_ex(system)
    jitter = 1e-10 if kernel.dtype == torch.float64 else 1e-6
    while bool(failed.any()) and jitter < 1e-2:
        diagonal.add_(jitter * (failed > 0)[:, None])
        factor, failed = torch.linalg.cholesky_ex(system)
        jitter *= 10
    if bool(failed.any()):
        raise DirectionError(
            "kernel ridge regression: the kernel matrix is not positive definite; are there NaN in the states?"
        )
    return torch.cholesky_solve(targets.expand(len(kernel), -1, -1), factor)


def _operator(weight: Tensor, coefficients: Tensor, centre: bool) -> Tensor:
    """See `kernels.gradient_operator`; outputs are stacked, ``(L, o n, n)``."""
    operator = -weight[:, None] * coefficients.mT[:, :, None, :]
    operator.diagonal(dim1=2, dim2=3).sub_(operator.sum(3))
    if centre:
        operator = operator - operator.mean(2, keepdim=True)
    return operator.flatten(1, 2)


def _start(points: Tensor) -> Tensor:
    """First vectors ``(L, d)``: of each layer the point farthest from the mean, tilted; see `metric`."""
    tilt = torch.linspace(-1.0, 1.0, points.shape[2], dtype=points.dtype, device=points.device)
    farthest = points.square().sum(2).argmax(1)
    far = points[torch.arange(len(points), device=points.device), farthest]
    start: Tensor = far + 0.1 * far.norm(dim=1, keepdim=True) * tilt / tilt.norm()
    return start


def leading(
    gradients: Tensor, start: Tensor, count: int, tolerance: float = RANKING_TOLERANCE, block: int = 12
) -> Tensor:
    """Leading unit eigenvectors ``(L, count, d)`` of GᵀG by Lanczos; one look at the residuals per ``block`` of steps.

    Raises
    ------
    DirectionError
        An operator has a lower rank.
    """
    layers, dim = start.shape
    most = min(dim, gradients.shape[1])
    if count > most:
        raise DirectionError(f"eigenvectors: expected at most {most} of {gradients.shape[1]} gradients, got {count}")
    basis = start.new_zeros(layers, 0, dim)
    vector = start / start.norm(dim=1, keepdim=True)
    diagonal, side = start.new_zeros(layers, 0), start.new_zeros(layers, 0)
    while True:
        for _ in range(min(block, dim - basis.shape[1])):
            basis = torch.cat([basis, vector[:, None]], 1)
            image = ((gradients @ vector[:, :, None]).mT @ gradients)[:, 0]  # [L, d]
            diagonal = torch.cat([diagonal, (vector * image).sum(1, keepdim=True)], 1)
            for _twice in range(2):  # once is not enough in finite precision
                image = image - ((basis @ image[:, :, None]).mT @ basis)[:, 0]
            norm = image.norm(dim=1, keepdim=True)
            # where the space is exhausted the next vectors are zero, and add zero eigenvalues
            alive = norm > 4 * torch.finfo(start.dtype).eps * diagonal.abs().amax(1, keepdim=True)
            vector = torch.where(alive, image / norm.clamp_min(torch.finfo(start.dtype).tiny), torch.zeros_like(image))
            side = torch.cat([side, torch.where(alive, norm, torch.zeros_like(norm))], 1)
        matrix = torch.diag_embed(diagonal)
        matrix = matrix + torch.diag_embed(side[:, :-1], 1) + torch.diag_embed(side[:, :-1], -1)
        values, rotation = torch.linalg.eigh(matrix)
        values, rotation = values.flip(1)[:, :count], rotation.flip(2)[:, :, :count]
        residual = side[:, -1] * rotation[:, -1].abs().amax(1)
        if basis.shape[1] >= dim or bool((residual <= tolerance * values[:, 0]).all()):
            found = rotation.mT @ basis
            unit: Tensor = found / found.norm(dim=2, keepdim=True).clamp_min(torch.finfo(start.dtype).tiny)
            return unit
