import pytest
import torch
from toy_parts import make_part

from sonoscope.dynamics.linear import autoregression


@pytest.fixture
def counting():
    """x_t = t in every coordinate: every difference is 1, and a frame says when it is."""
    return make_part(torch.arange(40.0)[None, :, None].expand(60, 40, 4).clone())


@pytest.fixture(scope="session")
def reverting():
    """AR(1) with correlation 0.6 in 4 dimensions."""
    x = autoregression(4, 0.6).sample(120, 60, torch.Generator().manual_seed(0))
    return make_part(x, name="ar1_06")
