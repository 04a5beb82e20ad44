"""The process that switches directions, as a part that experiment 10 learns from."""

import pandas as pd
import torch

from sonoscope.dynamics.catalogue import known_processes
from sonoscope.dynamics.encoding import KNOWN_TIER, process_index
from sonoscope.dynamics.phase0 import frame_table
from sonoscope.dynamics.store import FrameStore, Part
from sonoscope.dynamics.switching import SwitchingDirections
from sonoscope.settings.dynamics import KnownProcesses

_WINDOW = 3


def known_part(known: KnownProcesses, seed: int) -> tuple[SwitchingDirections, Part]:
    """The process, and sequences of it in memory, split as those of the self-test are."""
    process = known_processes(known.dim, seed)["switching"]
    assert isinstance(process, SwitchingDirections)
    generator = torch.Generator().manual_seed(seed)
    x = process.sample(known.sequences, known.frames, generator).float()
    index = process_index(process, known.sequences)
    index = index.assign(n_frames=known.frames, start=range(0, known.sequences * known.frames, known.frames))
    flat = x.flatten(0, 1)
    table = frame_table(index, flat.norm(dim=1).numpy(), _WINDOW)
    training = x[torch.tensor((index.split == "train").to_numpy())].flatten(0, 1)
    frames: pd.DataFrame = table.assign(is_high_energy=False)
    part = Part(
        process.name, FrameStore([flat]), frames, training.mean(0), training.std(0), _WINDOW, (1,), 12.5, KNOWN_TIER
    )
    return process, part
