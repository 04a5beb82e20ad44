"""Clips of the same prompts and seeds, unsteered and steered by each estimator at each coefficient."""

import shutil
from pathlib import Path
from typing import Any

import torch

from sonoscope.audio.files import write_audio
from sonoscope.contracts.steering import CLIPS
from sonoscope.directions.files import load_directions
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.musicgen import MusicGen
from sonoscope.settings.steering import Steering
from sonoscope.steering.generation import generate_planned
from sonoscope.steering.plan import clip_plan, doses


def main(
    directions: Path, language_model: Path, clips: Path, audio: Path,
    model: str, concept: str, target: str, settings: dict[str, Any], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Write one FLAC file per planned clip into ``audio``, and the table of ``clips``."""
    steering, musicgen = Steering.model_validate(settings["steering"]), MusicGen.model_validate(settings["musicgen"])
    loaded = load_musicgen(language_model, model)
    found = load_directions(
        directions, model=model, revision=loaded.revision, num_layers=loaded.num_layers, dim=loaded.dim
    )
    plan = clip_plan(concept, target, steering, seed)
    layers = next(iter(found.values())).origin.layers
    kept = clips.parent / "kept"
    tokens, plan["nll"] = generate_planned(loaded, plan, doses(found, steering), layers, steering, musicgen, kept)
    plan["audio"] = "audio/" + plan["clip_id"] + ".flac"
    for first in range(0, len(plan), musicgen.batch):
        codes = torch.from_numpy(tokens[first : first + musicgen.batch].astype("int64"))
        for name, clip in zip(plan["audio"][first:], loaded.decode(codes).cpu().numpy()[:, 0], strict=False):
            write_audio(audio.parent / name, clip, loaded.sample_rate)
    CLIPS.write(clips, plan.drop(columns="sampling_seed"))
    shutil.rmtree(kept)
    return {"revision": loaded.revision}


if __name__ == "__main__":
    run(main)
