"""Which checkpoint an experiment rolls out."""

from pathlib import Path

from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.errors import SonoscopeError
from sonoscope.settings.dynamics import Dynamics


def load_rolled(checkpoints: Path, part: str, several: bool, settings: Dynamics) -> Ensemble:
    """The model that the settings name: a file, or the one of this horizon in a folder of experiment 1.

    Raises
    ------
    SonoscopeError
        It is of another horizon than the rollout, which would be judged on what it was not trained for; or not there.
    """
    r = settings.rollout
    horizon = r.k if settings.k is None else settings.k
    file = checkpoints
    if checkpoints.is_dir():
        folder = checkpoints / part if several else checkpoints
        file = folder / f"{r.model}_k{horizon}_final.safetensors"
    if not file.is_file():
        raise SonoscopeError(f"{file}: expected a checkpoint of experiment 1, found none; run snakemake exp1")
    model = Ensemble.load(file)
    if model.members[0][1] != r.k:
        raise SonoscopeError(
            f"{file}: expected a model of horizon {r.k}, as rollout.k says, found {model.members[0][1]}"
        )
    return model
