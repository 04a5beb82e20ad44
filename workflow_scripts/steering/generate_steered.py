"""Clips of the same prompts and seeds, unsteered and in every arm of one experiment."""

import shutil
from pathlib import Path
from typing import Any

import torch

from sonoscope.audio.files import write_audio
from sonoscope.contracts.steering import CLIPS, REPLAYED
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.injection import Experiment
from sonoscope.settings.musicgen import MusicGen
from sonoscope.steering.found import load_found
from sonoscope.steering.generation import Probing, generate_planned, mean_divergence, probe_layer
from sonoscope.steering.plan import Planner, clip_plan


def main(
    directions: list[Path], language_model: Path, clips: Path, audio: Path, replayed: Path,
    model: str, experiment: str, design: Experiment, settings: dict[str, Any], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Write one FLAC file per planned clip into ``audio``, the table of ``clips``, and what was read on the way."""
    musicgen = MusicGen.model_validate(settings["musicgen"])
    loaded = load_musicgen(language_model, model)
    frames = round(musicgen.seconds * loaded.frame_rate)
    planner = Planner(load_found(directions, loaded), design, frames, frames + loaded.num_codebooks)
    layer = probe_layer(settings["steering.listening.probe_depth"], loaded.num_layers)
    seeds = (design.seeds or [])[: settings["steering.listening.divergence_seeds"]]
    probing = Probing(layer, tuple(seeds))
    kept = clips.parent / "kept"
    plan, found = generate_planned(loaded, clip_plan(experiment, design, seed), planner, probing, musicgen, kept)
    plan["audio"] = [f"audio/{n:04d}.flac" for n in range(len(plan))]
    plan["nll"], plan["divergence"] = found["nll"], mean_divergence(found["divergence"])
    for first in range(0, len(plan), musicgen.batch):
        codes = torch.from_numpy(found["tokens"][first : first + musicgen.batch].astype("int64"))
        for name, clip in zip(plan["audio"][first:], loaded.decode(codes).cpu().numpy()[:, 0], strict=False):
            write_audio(audio.parent / name, clip, loaded.sample_rate)
    header = {"model": model, "revision": loaded.revision, "layer": str(layer), "frame_rate": str(loaded.frame_rate)}
    REPLAYED.write(replayed, {"states": found["states"], "divergence": found["divergence"]}, header)
    CLIPS.write(clips, plan.drop(columns="sampling_seed"))
    shutil.rmtree(kept)
    return {"revision": loaded.revision}


if __name__ == "__main__":
    run(main)
