"""Experiment 8: codebooks of directions, differences and states, beside nulls; sequences coded in both loops."""

from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope import scorecard
from sonoscope.codecs.bottleneck import BottleneckVae
from sonoscope.contracts import write_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics import experiment8
from sonoscope.dynamics.catalogue import known_processes
from sonoscope.dynamics.coded_audio import code_utterances
from sonoscope.dynamics.store import open_parts
from sonoscope.dynamics.switching import SwitchingDirections
from sonoscope.job import run
from sonoscope.settings.bottlenecks import Codebook
from sonoscope.settings.dynamics import KnownProcesses


def main(
    checkpoint: Path, codec_file: list[Path], latents: Path, index: Path, frames: Path, statistics: Path,
    codebooks: Path, summary: Path, near_zero: Path, distribution: Path, results: Path, audio: Path, rows: Path,
    settings: Codebook, known: KnownProcesses, resamples: int, seed: int, k: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write ``codebooks``, their ``summary``, what is known of lengths, coded ``audio``, and the scorecard ``rows``."""
    if k is not None:
        settings = settings.model_copy(update={"k_values": (k,)})
    (part,) = open_parts([latents], frames, statistics)
    vae = BottleneckVae.load(checkpoint, codec_file[0] if codec_file else None)
    lengths, zero = experiment8.magnitudes(part, settings.near_zero_epsilons)
    write_json(distribution, lengths)
    write_json(near_zero, zero)
    found = experiment8.fit_codebooks(part, settings, resamples, seed)
    experiment8.write_codebooks(codebooks, part, found, vae.name)
    for kind, entries in found.items():
        plain = [{n: v for n, v in e.items() if n != "codes"} for e in entries]
        write_json(codebooks / f"codebook_results_{kind}.json", plain)
    coded: pd.DataFrame = code_utterances(vae, part, [latents], [index], found, settings, audio)
    write_json(results, coded.astype(object).where(coded.notna(), None).to_dict("records"))
    write_csv(summary, experiment8.summary(found, coded))
    process = known_processes(known.dim, seed)["switching"]
    assert isinstance(process, SwitchingDirections)
    ari = experiment8.known_archetypes(process, min(known.sequences, 100), known.frames, seed)
    scorecard.write(rows, experiment8.scorecard_rows(found["normalized"], ari))
    return {"source": part.name, "tier": part.tier}


if __name__ == "__main__":
    run(main)
