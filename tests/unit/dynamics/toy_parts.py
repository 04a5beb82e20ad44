"""Parts of toy sequences, as phase 0 makes them of latents."""

import pandas as pd
import torch

from sonoscope.dynamics.encoding import process_index
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
