"""Training of direction × magnitude models, stacked and in the plain way, at equal batch.

Not part of the unit tests: run `pytest tests/benchmarks --benchmark-only`. One round is one update of one model in the
plain way, and one update of twelve (3 seeds, 4 horizons) in the stack.
"""

import pytest
import torch
from torch.utils.data import DataLoader

from sonoscope.dynamics.ensembles import Ensemble, shape_of
from sonoscope.dynamics.speed import FourNetworks, Rows, compare_speed, noise_part
from sonoscope.dynamics.training import Shuffled, _Run, member_spans
from sonoscope.settings.dynamics import Fit

DIM, WINDOW, HORIZONS, FIT = 32, 8, (1, 2, 4, 8), Fit()


@pytest.fixture(scope="module")
def part():
    torch.set_num_threads(1)
    return noise_part(DIM, WINDOW, HORIZONS)


def test_plain(benchmark, part):
    loader = DataLoader(Rows(part, 1), FIT.batch, shuffle=True, drop_last=True)
    model = FourNetworks(WINDOW * DIM, FIT.hidden, DIM)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def update():
        contexts, deltas = next(iter(loader))
        loss = model.nll(contexts, deltas)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    benchmark(update)


def test_stacked(benchmark, part):
    members = [(s, k) for s in FIT.seeds for k in HORIZONS]
    shape = shape_of("vmf", WINDOW, DIM, FIT.hidden, 1, 1)
    ensemble = Ensemble(shape, members, torch.Generator().manual_seed(0))
    eye = torch.eye(DIM, dtype=torch.float64).expand(len(members), -1, -1)
    ensemble.calibrate(part.mean, part.deviation, eye, part.deltas(part.rows("train")))
    run, batches = _Run(ensemble, FIT), Shuffled(part.rows("train"), list(FIT.seeds), FIT.batch)
    benchmark(lambda: run.update(*member_spans(part, batches.next(), ensemble)))


def test_the_stack_is_at_least_three_times_as_fast():
    torch.set_num_threads(1)
    assert compare_speed(FIT, WINDOW, HORIZONS, DIM)["speedup"] >= 3
