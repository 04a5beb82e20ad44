import math

import numpy as np
import pytest
import torch

from sonoscope.dynamics.catalogue import known_processes
from sonoscope.dynamics.codebooks import angles, cluster, nearest, nulls, run_lengths, sign_codes, unit, usage
from sonoscope.dynamics.experiment8 import (
    code_path,
    codebook_name,
    divergence,
    fit_codebooks,
    known_archetypes,
    magnitudes,
    read_codebook,
    scorecard_rows,
    write_codebooks,
)
from sonoscope.settings.bottlenecks import Codebook


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_spherical_k_means_keeps_its_centres_on_the_sphere_and_uses_them_all():
    rows = unit(torch.randn(600, 5, generator=generator()))
    centres = cluster(rows, 12, 2, 20, generator())
    assert torch.allclose(centres.norm(dim=1), torch.ones(12), atol=1e-5)
    assert len(nearest(rows, centres, True)[0].unique()) == 12


def test_more_rounds_never_serve_the_rows_worse():
    rows = unit(torch.randn(500, 4, generator=generator()))
    mean = [float(angles(rows, cluster(rows, 8, 1, n, generator(3))).mean()) for n in (1, 3, 30)]
    assert mean[0] >= mean[1] - 0.3 and mean[1] >= mean[2] - 0.3


def test_isotropic_directions_are_as_far_from_their_codes_as_theory_says():
    """65.1 degrees in 32 dimensions at 64 codes, by many rows; held-out angles of few rows lie above."""
    rows = unit(torch.randn(12_000, 32, generator=generator()))
    centres = cluster(rows, 64, 1, 12, generator())
    held = unit(torch.randn(4000, 32, generator=generator(1)))
    assert float(angles(held, centres).mean()) == pytest.approx(65.5, abs=1.0)


def test_archetypes_of_switching_directions_are_found():
    process = known_processes(8, 0)["switching"]
    assert known_archetypes(process, 40, 60, 0) > 0.95


def test_usage_of_even_codes_is_full():
    found = usage(torch.arange(8).repeat(10), 8)
    assert found.perplexity == pytest.approx(8) and found.entropy_ratio == pytest.approx(1) and found.used == 1
    assert usage(torch.zeros(10, dtype=torch.long), 4).perplexity == pytest.approx(1)


def test_nulls_have_the_moments_that_they_promise():
    mixing = torch.randn(4, 4, generator=generator())
    x = torch.randn(20_000, 4, generator=generator(1)) @ mixing
    steps = x[1:] - x[:-1]
    found = {n: draw(generator(2))[0] for n, draw in nulls(steps, steps[:100], (x[1:], x[:100])).items()}
    wanted = steps.T @ steps / len(steps)
    for name in ("linear_gaussian", "mean_reverting"):  # independent frames: both have the covariance of real steps
        made = found[name].T @ found[name] / len(found[name])
        assert torch.allclose(made, wanted, atol=0.1 * float(wanted.abs().max()))
    assert torch.allclose(found["isotropic"].T @ found["isotropic"] / len(steps), torch.eye(4), atol=0.05)


def test_signs_are_a_worse_quantiser_than_clusters_of_clustered_rows():
    centres = unit(torch.randn(16, 8, generator=generator()))
    rows = unit(centres[torch.randint(16, (800,), generator=generator(1))] + 0.1 * torch.randn(800, 8))
    clustered = angles(rows, cluster(rows, 16, 2, 20, generator())).mean()
    assert float(clustered) < float(sign_codes(rows, rows, 16).mean())


def test_a_code_for_every_step_gives_the_path_back_in_both_loops():
    x = torch.randn(9, 3, generator=generator()).cumsum(0)
    directions = unit(x.diff(dim=0))
    for closed in (False, True):
        assert torch.allclose(code_path(x, directions, "normalized", closed), x, atol=1e-4)
        assert torch.allclose(code_path(x, x.diff(dim=0), "unnormalized", closed), x, atol=1e-4)
    assert torch.allclose(code_path(x, x, "state_vq", False), x)


def test_a_closed_loop_stays_nearer_to_the_path():
    x = torch.randn(80, 6, generator=generator()).cumsum(0)
    codes = cluster(x.diff(dim=0), 24, 2, 20, generator())
    apart = {c: divergence(code_path(x, codes, "normalized", c), x, 1.0)["divergence"] for c in (False, True)}
    assert apart[True] < apart[False]
    with pytest.raises(ValueError, match="codes"):
        cluster(x, 100, 1, 5, generator())


def test_lengths_of_runs():
    assert run_lengths(np.array([1, 1, 0, 1, 0, 1, 1, 1], bool)) == [2, 1, 3]
    assert run_lengths(np.zeros(3, bool)) == []


def test_codebooks_of_a_part_go_to_files_and_into_the_scorecard(reverting, tmp_path):
    settings = Codebook(k_values=(4, 8), restarts=1, iterations=8)
    found = fit_codebooks(reverting, settings, 200, 0)
    write_codebooks(tmp_path, reverting, found, "toy")
    assert (tmp_path / codebook_name("state_vq", 8)).is_file()
    assert torch.allclose(read_codebook(tmp_path, 8).norm(dim=1), torch.ones(8), atol=1e-5)
    lengths, zero = magnitudes(reverting, settings.near_zero_epsilons)
    assert lengths["p50"] == pytest.approx(lengths["median"]) and zero["recommendation"] == "floor clamp"
    rows = {r.name: r for r in scorecard_rows(found["normalized"], 1.0)}
    # an AR(1) of isotropic noise has isotropic steps: codes find nothing that its nulls have not
    assert not rows["dynamics.exp8.k8.angle"].met or math.isclose(
        rows["dynamics.exp8.k8.angle"].value, rows["dynamics.exp8.k8.angle"].target, rel_tol=0.02
    )
