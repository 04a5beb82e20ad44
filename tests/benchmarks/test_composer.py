"""Speed of composing: the target is 200 pieces of eight bars per second on one core."""

import numpy as np

from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import random_causes

PIECES = 100


def test_pieces_per_second(benchmark):
    rng = np.random.default_rng(0)
    causes = [random_causes(rng) for _ in range(PIECES)]
    benchmark(lambda: [compose(c, seed) for seed, c in enumerate(causes)])
    per_second = PIECES / benchmark.stats["median"]
    benchmark.extra_info["pieces_per_second"] = round(per_second)
    assert per_second > 200
