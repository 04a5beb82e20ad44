"""One share of the clips of an experiment, from the files and settings that a job is given."""

from pathlib import Path
from typing import Any

from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.injection import Experiment
from sonoscope.settings.musicgen import MusicGen
from sonoscope.steering.found import load_found
from sonoscope.steering.generation import Probing, probe_layer, write_share
from sonoscope.steering.plan import Planner, batches, clip_plan


def generate_share(
    directions: list[Path], language_model: Path, clips: Path, audio: Path, replayed: Path,
    model: str, experiment: str, design: Experiment, settings: dict[str, Any], seed: int, share: int, shares: int,
) -> str:  # fmt: skip
    """Plan the whole experiment and generate one share of it; gives the revision of the model."""
    musicgen = MusicGen.model_validate(settings["musicgen"])
    if design.guidance is not None:
        musicgen = musicgen.model_copy(update={"guidance": design.guidance})
    loaded = load_musicgen(language_model, model)
    frames = round(musicgen.seconds * loaded.frame_rate)
    planner = Planner(load_found(directions, loaded), design, frames, frames + loaded.num_codebooks)
    layer = probe_layer(settings["steering.listening.probe_depth"], loaded.num_layers)
    probing = Probing(layer, tuple((design.seeds or [])[: settings["steering.listening.divergence_seeds"]]))
    parts = batches(clip_plan(experiment, design, seed), design, musicgen.batch)
    write_share(loaded, parts, (share, shares), planner, probing, musicgen, clips, audio, replayed)
    return loaded.revision
