"""A MusicGen by the file that a rule names."""

import logging
from pathlib import Path

from sonoscope.device import device
from sonoscope.musicgen.checkpoint import load_folder
from sonoscope.musicgen.interface import MusicGen

log = logging.getLogger(__name__)


def load_musicgen(language_model: Path, name: str) -> MusicGen:
    """Load the MusicGen in whose folder the file ``language_model`` stands, onto the device of this job."""
    model = load_folder(language_model.parent, name, str(device()))
    log.info(
        "%s, revision %s: %d layers of width %d, %d codebooks of %d, %g frames/s, %d Hz",
        name, model.revision, model.num_layers, model.dim, model.num_codebooks, model.cardinality, model.frame_rate,
        model.sample_rate,
    )  # fmt: skip
    return model
