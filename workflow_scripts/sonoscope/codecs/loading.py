"""A continuous codec by the file that a rule names."""

import logging
from pathlib import Path

from safetensors import SafetensorError, safe_open

from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.codecs.mel_pca import MelPca
from sonoscope.codecs.neural import CodecError, from_audiocraft, from_transformers
from sonoscope.codecs.random_projection import randomised
from sonoscope.codecs.speech_vae import SpeechVae
from sonoscope.device import device
from sonoscope.settings.codecs import RANDOM_PROJECTION
from sonoscope.settings.musicgen import AUDIOCRAFT_FILE, FETCHED_FILE

log = logging.getLogger(__name__)

_CODEC_FILE = "compression_state_dict.bin"


def load_codec(file: Path, name: str = "") -> ContinuousCodec:
    """Load the codec that ``file`` stands for, onto the device of this job.

    Parameters
    ----------
    file : Path
        One that `sonoscope.settings.codecs.codec_file` names: a ``codec.safetensors`` of ours, or a file of (or) the
        folder of a model in transformers' or audiocraft's layout.
    name : str
        What results call a codec that has no name of its own; by default its folder's. With random-projection-N, the
        file of mel-pca-N gives that control of it.

    Raises
    ------
    CodecError
        The file is not there, or is that of no codec that can be used.
    """
    if file.suffix == ".safetensors" and file.name != "model.safetensors":
        codec: ContinuousCodec = _ours(file, name)
    else:
        codec = _pretrained(file if file.is_dir() else file.parent, name)
    log.info("%s: %d Hz, %g latents/s of %d numbers", codec.name, codec.sample_rate, codec.frame_rate, codec.dim)
    return codec


def _ours(file: Path, name: str) -> ContinuousCodec:
    try:
        with safe_open(file, framework="pt") as content:
            header = content.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise CodecError(f"{file}: expected the file of a codec, found {error}") from None
    if header.get("name") == SpeechVae.name:
        return SpeechVae.load(file).to(device())
    codec = MelPca.load(file)
    return randomised(codec, codec.dim) if name.startswith(RANDOM_PROJECTION) else codec


def _pretrained(folder: Path, name: str) -> ContinuousCodec:
    called = name or folder.name
    if (folder / _CODEC_FILE).is_file():
        return from_audiocraft(folder, called, device())
    if (folder / "config.json").is_file():
        return from_transformers(folder, called, device())
    raise CodecError(
        f"{folder}: expected {_CODEC_FILE} (audiocraft, beside {AUDIOCRAFT_FILE}) or config.json (transformers), found"
        f" {'only ' + FETCHED_FILE if (folder / FETCHED_FILE).is_file() else 'neither'}; fetch the model again"
    )
