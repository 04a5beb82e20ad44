"""Sequences of processes whose best prediction is known, in the form of latents."""

from pathlib import Path

import pandas as pd
import torch

from sonoscope.dynamics.catalogue import known_processes
from sonoscope.dynamics.encoding import KNOWN_TIER, process_index, write_shard
from sonoscope.job import run
from sonoscope.settings.dynamics import KNOWN, KnownProcesses


def main(latents: Path, index: Path, settings: KnownProcesses, seed: int) -> dict[str, list[str]]:
    """Write all processes one after the other, each a part of the source ``known``."""
    chosen = settings.chosen(known_processes(settings.dim, seed))
    generator = torch.Generator().manual_seed(seed)
    sequences, tables = [], []
    for process in chosen.values():
        drawn = process.sample(settings.sequences, settings.frames, generator) * settings.scale
        sequences += list(drawn.float())
        tables.append(process_index(process, settings.sequences))
    energy = torch.cat(sequences).norm(dim=1)
    header = {"source": KNOWN, "frame_rate": "12.5", "unit": "one", "tier": KNOWN_TIER}
    write_shard(latents, index, sequences, energy, pd.concat(tables, ignore_index=True), header)
    return {"processes": list(chosen)}


if __name__ == "__main__":
    run(main)
