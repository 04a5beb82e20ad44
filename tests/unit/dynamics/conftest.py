import pandas as pd
import pytest
import torch

from sonoscope.dynamics.encoding import process_index
from sonoscope.dynamics.linear import autoregression
from sonoscope.dynamics.phase0 import frame_table
from sonoscope.dynamics.store import FrameStore, Part


def make_part(sequences, window=3, horizons=(1, 2), name="toy"):
    """A part of sequences [N, T, D], split as processes are; one shard."""
    count, frames, dim = sequences.shape

    class Named:
        pass

    Named.name = name
    index = process_index(Named, count).assign(n_frames=frames)
    index["start"] = [i * frames for i in range(count)]
    flat = sequences.reshape(-1, dim).float()
    table = frame_table(index, flat.norm(dim=1).numpy(), window - 1 + max(horizons))
    table["is_high_energy"] = table.energy > table.energy.median()
    training = flat.reshape(count, frames, dim)[torch.tensor((index.split == "train").to_numpy())]
    moments = training.reshape(-1, dim)
    return Part(
        name, FrameStore([flat]), pd.DataFrame(table), moments.mean(0), moments.std(0).clamp(min=1e-6), window,
        horizons, 12.5, "known answer",
    )  # fmt: skip


@pytest.fixture
def counting():
    """x_t = t in every coordinate: every difference is 1, and a frame says when it is."""
    return make_part(torch.arange(40.0)[None, :, None].expand(60, 40, 4).clone())


@pytest.fixture(scope="session")
def reverting():
    """AR(1) with correlation 0.6 in 4 dimensions."""
    x = autoregression(4, 0.6).sample(120, 60, torch.Generator().manual_seed(0))
    return make_part(x, name="ar1_06")
