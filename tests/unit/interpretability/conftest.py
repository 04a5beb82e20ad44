import pytest
import torch

from sonoscope.musicgen.checkpoint import load_folder
from sonoscope.musicgen.random_model import build_random_musicgen


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A MusicGen with random weights in audiocraft's layout. Not to be changed."""
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("models") / "random"
    build_random_musicgen(path, seed=0)
    return path


@pytest.fixture(scope="session")
def model(folder):
    return load_folder(folder, "random")
