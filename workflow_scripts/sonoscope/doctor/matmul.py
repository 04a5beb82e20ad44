"""How fast matrices are multiplied: the one number that decides how long everything takes."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_SIZE = {"cuda": 8192, "mps": 4096, "cpu": 1024}


@dataclass(frozen=True)
class Rate:
    """Median rate of square products on one device."""

    device: str
    dtype: str
    size: int
    """Rows of the square matrices."""
    repeats: int
    gflops: float
    """10⁹ floating-point operations per second: 2 · size³ for one product."""


def median_rate(
    multiply: Callable[[], object],
    size: int,
    *,
    budget: float = 1.5,
    clock: Callable[[], float] = time.perf_counter,
    fewest: int = 3,
    most: int = 25,
) -> tuple[float, int]:
    """Time ``multiply`` until ``budget`` seconds are spent; return GFLOP/s of the median run and the number of runs."""
    multiply()  # the first one loads kernels and picks algorithms
    times: list[float] = []
    while len(times) < fewest or (len(times) < most and sum(times) < budget):
        start = clock()
        multiply()
        times.append(clock() - start)
    return 2 * size**3 / statistics.median(times) / 1e9, len(times)


def measure(torch: Any, device: str, dtype: str) -> Rate:
    """Measure one device in ``float32`` or ``bfloat16``.

    Raises
    ------
    RuntimeError
        The device does not multiply in this type, or is out of memory.
    """
    place = device.partition(":")[0]
    size = _SIZE[place]
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(size, size, generator=generator).to(device=device, dtype=getattr(torch, dtype))
    wait = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(place, lambda: None)

    def multiply() -> None:
        torch.mm(matrix, matrix)
        wait()

    gflops, repeats = median_rate(multiply, size)
    return Rate(device, dtype, size, repeats, round(gflops, 1))
