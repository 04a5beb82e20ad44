"""A MusicGen by the file that a rule names."""

import logging
from pathlib import Path

from sonoscope.device import device
from sonoscope.musicgen.interface import MusicGen
from sonoscope.settings.musicgen import AUDIOCRAFT_FILE, FETCHED_FILE, TRANSFORMERS_FILE

log = logging.getLogger(__name__)


def load_musicgen(language_model: Path, name: str) -> MusicGen:
    """Load the MusicGen in whose folder the file ``language_model`` stands, onto the device of this job.

    The backend is that of the folder's layout: `state_dict.bin` is audiocraft's, `config.json` transformers'.

    Raises
    ------
    FileNotFoundError
        The folder of a fetched model holds neither.
    """
    language_model = _layout(language_model)
    where = str(device())
    model: MusicGen
    if language_model.name == TRANSFORMERS_FILE:
        from sonoscope.musicgen.transformers_backend import load_transformers

        backend, model = "transformers", load_transformers(language_model.parent, name, where)
    else:
        from sonoscope.musicgen.checkpoint import load_folder

        backend, model = "audiocraft", load_folder(language_model.parent, name, where)
    log.info(
        "%s, revision %s, by %s: %d layers of width %d, %d codebooks of %d, %g frames/s, %d Hz",
        name, model.revision, backend, model.num_layers, model.dim, model.num_codebooks, model.cardinality,
        model.frame_rate, model.sample_rate,
    )  # fmt: skip
    return model


def _layout(file: Path) -> Path:
    """The file that shows the layout, where ``file`` only says that the folder is complete."""
    if file.name != FETCHED_FILE:
        return file
    for name in (AUDIOCRAFT_FILE, TRANSFORMERS_FILE):
        if file.with_name(name).is_file():
            return file.with_name(name)
    raise FileNotFoundError(f"{file.parent}: expected {AUDIOCRAFT_FILE} or {TRANSFORMERS_FILE}; fetch the model again")
