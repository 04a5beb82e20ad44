"""Two ratios of CPU time: sketches beside dense projectors, and per-sample gradients beside a plain backward pass.

Not part of the unit tests: run `OMP_NUM_THREADS=1 pytest tests/benchmarks/test_attribution.py`. The dense projectors of
traker and dattri are timed at 64 of 4096 columns where they are installed; their cost grows in proportion.
"""

import numpy as np
import pytest
import torch

from sonoscope.attribution.gradients import Embedder
from sonoscope.attribution.likelihood import language_model, logits_of, outputs_of
from sonoscope.attribution.songs import Window
from sonoscope.attribution.speed import COORDINATES, DIM, cpu_seconds, gradients, sketch_seconds
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Embedding
from sonoscope.storage import WORKFLOW

SAMPLES, COLUMNS = 16, 64
SHIPPED = WORKFLOW / "resources/models/sonoscope-musicgen/state_dict.bin"


@pytest.fixture(scope="module")
def rows():
    torch.set_num_threads(1)
    return gradients(SAMPLES, COORDINATES)


@pytest.fixture(scope="module")
def sparse(rows):
    return min(sketch_seconds(rows, DIM) for _ in range(2))


def test_twenty_times_less_than_traker(rows, sparse):
    projectors = pytest.importorskip("trak.projectors")
    kind = projectors.ProjectionType.rademacher
    theirs = projectors.BasicProjector(COORDINATES, COLUMNS, 0, kind, torch.device("cpu"), block_size=COLUMNS)
    dense = cpu_seconds(lambda: theirs.project(rows, 0)) * DIM / COLUMNS
    assert dense / sparse >= 20, f"{dense / sparse:.1f} times"


def test_twenty_times_less_than_dattri(rows, sparse):
    projection = pytest.importorskip("dattri.func.projection")
    theirs = projection.BasicProjector(
        COORDINATES, COLUMNS, 0, projection.ProjectionType.rademacher, "cpu", block_size=COLUMNS
    )
    dense = cpu_seconds(lambda: theirs.project(rows, 0)) * DIM / COLUMNS
    assert dense / sparse >= 20, f"{dense / sparse:.1f} times"


@pytest.mark.skipif(not SHIPPED.is_file(), reason="no shipped model here")
def test_per_sample_gradients_cost_at_most_1_3_plain_backward_passes():
    torch.set_num_threads(1)
    model = load_musicgen(SHIPPED, "sonoscope-musicgen")
    lm, rng = language_model(model), np.random.default_rng(0)
    windows = [
        Window(f"s{k}", 0, 0.0, 4.0, "a waltz", rng.integers(0, 256, (4, 200)).astype(np.int16)) for k in range(8)
    ]
    tokens = torch.stack([torch.from_numpy(w.tokens.astype(np.int64)) for w in windows])

    def plain():
        lm.requires_grad_(True).zero_grad(set_to_none=True)
        outputs_of(logits_of(model, tokens, ["a waltz"] * 8), tokens).loss.mean().backward()

    def per_sample(features):
        embedder = Embedder(model, Embedding(features=features, logra_rank=16))
        return lambda: embedder(windows)

    work = {"logra": per_sample(["logra"]), "sjlt": per_sample(["loss"])}
    ratios = {}
    for name, one in work.items():
        plain(), one()
        lm.requires_grad_(True)
        base = cpu_seconds(plain, 3)
        lm.requires_grad_(False)
        ratios[name] = cpu_seconds(one, 3) / base
    assert min(ratios.values()) <= 1.3, ratios
