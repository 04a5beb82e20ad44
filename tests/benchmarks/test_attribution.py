"""Two ratios of CPU time: sketches beside dense projectors, and per-sample gradients beside a plain backward pass.

Not part of the unit tests: run `OMP_NUM_THREADS=1 pytest tests/benchmarks/test_attribution.py`. The dense projectors of
traker and dattri are timed at 64 of 4096 columns where they are installed; their cost grows in proportion.
"""

import logging
from contextlib import nullcontext

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
from sonoscope.train.attention import PlainAttention

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
@pytest.mark.parametrize("features", [["loss"], ["logra"]])
def test_per_sample_gradients_cost_at_most_1_3_plain_backward_passes(features):
    """Both sides take turns in one process, so that what else the machine does falls on both; least times count."""
    torch.set_num_threads(1)
    model = load_musicgen(SHIPPED, "sonoscope-musicgen")
    lm, rng = language_model(model), np.random.default_rng(0)
    windows = [
        Window(f"s{k}", 0, 0.0, 4.0, "a waltz", rng.integers(0, 256, (4, 200)).astype(np.int16)) for k in range(4)
    ]
    tokens = torch.stack([torch.from_numpy(w.tokens.astype(np.int64)) for w in windows])
    embedder = Embedder(model, Embedding(features=features, logra_rank=16))

    def plain(size, attention=nullcontext):
        """A training step's forward and backward pass without the optimiser, in batches of ``size``."""
        lm.requires_grad_(True).zero_grad(set_to_none=True)
        for first in range(0, len(tokens), size):
            part = tokens[first : first + size]
            with attention():
                loss = outputs_of(logits_of(model, part, ["a waltz"] * len(part)), part).loss.mean()
            loss.backward()
        lm.requires_grad_(False)

    work = {
        "one by one": lambda: plain(1),
        "in one batch": lambda: plain(len(tokens)),
        "in one batch, with the attention of the rows": lambda: plain(len(tokens), PlainAttention),
        "rows": lambda: embedder(windows),
    }
    for each in work.values():
        each()
    seconds = {name: [] for name in work}
    for _ in range(4):
        for name, each in work.items():
            seconds[name].append(cpu_seconds(each))
    least = {name: min(found) for name, found in seconds.items()}
    ratio = least["rows"] / min(least["one by one"], least["in one batch"])
    told = ", ".join(f"{name} {1e3 * s / len(windows):.0f} ms" for name, s in least.items())
    logging.getLogger(__name__).warning("%s: %.2f plain passes (%s per sample)", features[0], ratio, told)
    assert ratio <= 1.3, f"{ratio:.2f}: {told}"
