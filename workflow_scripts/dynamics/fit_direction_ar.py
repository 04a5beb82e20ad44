"""Experiment 10: autoregression over codes of directions; rollouts by argmax, by drawing, and from a nucleus."""

from pathlib import Path
from typing import Any

import torch

from sonoscope import scorecard
from sonoscope.codecs.bottleneck import BottleneckVae
from sonoscope.contracts import write_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics import experiment10
from sonoscope.dynamics.direction_audio import render_codes
from sonoscope.dynamics.direction_codes import fit_direction_ar
from sonoscope.dynamics.experiment8 import read_codebook
from sonoscope.dynamics.known_codes import known_part
from sonoscope.dynamics.store import open_parts
from sonoscope.job import run
from sonoscope.settings.bottlenecks import DirectionAr
from sonoscope.settings.dynamics import Fit, KnownProcesses


def main(
    checkpoint: Path, codec_file: list[Path], latents: Path, index: Path, frames: Path, statistics: Path,
    codebooks: Path, final: Path, forced: Path, rolled: Path, per_step: Path, audio_results: Path, audio: Path,
    summary: Path, rows: Path, settings: DirectionAr, known: KnownProcesses, fit: Fit, horizon: int, resamples: int,
    seed: int, k_codebook: int | None = None, max_steps: int | None = None, skip_audio: bool | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Train on the codes of experiment 8 and write the ``final`` model, both kinds of metrics, ``audio`` and ``rows``.

    The last three options are those of the published command line.
    """
    given = {"k_codebook": k_codebook, "max_steps": max_steps, "skip_audio": skip_audio}
    settings = settings.model_copy(update={n: v for n, v in given.items() if v is not None})
    (part,) = open_parts([latents], frames, statistics)
    codes = read_codebook(codebooks, settings.k_codebook)
    model = fit_direction_ar(part, codes, horizon, fit.seeds, settings, seed)
    model.save(final, horizon, settings.max_steps, part=part.name)
    on_truth = experiment10.teacher_forced(model, part, horizon, fit.ridge, resamples, seed)
    write_json(forced, on_truth)
    entries, table = experiment10.roll_strategies(model, part, settings, horizon, fit.ridge, resamples, seed)
    write_json(rolled, entries)
    write_csv(per_step, table)
    vae = BottleneckVae.load(checkpoint, codec_file[0] if codec_file else None)
    heard = render_codes(vae, [latents], [index], model, part, horizon, settings, audio, seed)
    write_json(audio_results, heard)
    write_csv(summary, experiment10.summary(on_truth, entries))
    process, toy = known_part(known, seed)
    reached = experiment10.known_top1(process, toy, 1, settings, seed)
    scorecard.write(rows, experiment10.scorecard_rows(on_truth, entries, reached, min(4, max(settings.k_values))))
    return {"part": part.name, "tier": part.tier, "parameters": sum(torch.numel(p) for p in model.parameters())}


if __name__ == "__main__":
    run(main)
