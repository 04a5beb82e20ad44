"""How accurate the von Mises-Fisher normaliser is, against arbitrary precision."""

from collections.abc import Sequence

import mpmath
import torch

from sonoscope.dynamics.vmf import log_normaliser, mean_resultant_length
from sonoscope.scorecard import Row, measure

DIMENSIONS = (2, 3, 4, 8, 16, 32, 64, 65, 128, 256, 512, 768, 1024)
CONCENTRATIONS = tuple(10 ** (e / 4) for e in range(-12, 25))
"""From 1e-3 to 1e6."""
TARGET = 1e-10
_DIGITS = 50


def vmf_errors(
    dimensions: Sequence[int] = DIMENSIONS, concentrations: Sequence[float] = CONCENTRATIONS
) -> list[dict[str, float]]:
    """Relative errors of log C_D(κ) and A_D(κ) on a grid.

    The error of the normaliser is relative to its magnitude, or to one nat where that is smaller: log C passes through
    zero, where no finite precision has a relative error.
    """
    rows = []
    kappa = torch.tensor(concentrations, dtype=torch.float64)
    for dim in dimensions:
        logs, lengths = log_normaliser(kappa, dim).tolist(), mean_resultant_length(kappa, dim).tolist()
        for k, found, length in zip(kappa.tolist(), logs, lengths, strict=True):
            with mpmath.workdps(_DIGITS):
                order, exact = mpmath.mpf(dim) / 2 - 1, mpmath.mpf(k)
                bessel = mpmath.besseli(order, exact)
                log_c = order * mpmath.log(exact) - dim * mpmath.log(2 * mpmath.pi) / 2 - mpmath.log(bessel)
                ratio = mpmath.besseli(order + 1, exact) / bessel
                error = float(abs(found - log_c) / max(abs(log_c), 1))
                ratio_error = float(abs(length - ratio) / ratio)
            rows.append({"dim": float(dim), "concentration": k, "log_normaliser": error, "resultant": ratio_error})
    return rows


def accuracy_row(errors: Sequence[dict[str, float]] | None = None) -> Row:
    """Scorecard row ``dynamics.vmf.max_relative_error``: the largest error on the grid, of either quantity."""
    found = vmf_errors() if errors is None else errors
    worst = max(max(e["log_normaliser"], e["resultant"]) for e in found)
    name = "dynamics.vmf.max_relative_error"
    return measure(name, worst, n=len(found), target=TARGET, better="lower", sources=["sonoscope.dynamics.accuracy"])
