"""The codec of a study, by its name and the file that its rule names."""

import re
from pathlib import Path

import torch

from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.codecs.mel_pca import MelPca
from sonoscope.codecs.random_projection import randomised
from sonoscope.dynamics.encoding import PLUMBING, SPEECH


def load(name: str, file: Path, where: torch.device) -> ContinuousCodec:
    """Load codec ``name`` onto a device.

    ``file`` is a safetensors file of ours, the ``compression_state_dict.bin`` of a MusicGen, or any file in a folder in
    transformers' layout. Ours by log-mel frames stay on the CPU, where they are fast.
    """
    if name.startswith("mel-pca-"):
        return MelPca.load(file)
    if found := re.fullmatch(r"random-projection-(\d+)", name):
        return randomised(MelPca.load(file), int(found[1]))
    if file.suffix == ".safetensors" and file.with_name("config.json").is_file() is False:
        from sonoscope.codecs.speech_vae import SpeechVae

        return SpeechVae.load(file)
    from sonoscope.codecs.published import load_musicgen_codec, load_transformers_codec

    if file.name == "compression_state_dict.bin":
        return load_musicgen_codec(file, name, str(where))
    return load_transformers_codec(file.parent, name, str(where))


def place(name: str, where: torch.device) -> torch.device:
    """Device on which the audio is to be handed to codec ``name``."""
    ours = name.startswith(("mel-pca-", "random-projection-", "sonoscope-speech"))
    return torch.device("cpu") if ours else where


def tier_of(name: str) -> str:
    """Tier of evidence of latents of this codec: numbers of untrained weights say nothing about speech."""
    return PLUMBING if name.startswith("random-encodec") else SPEECH


def unit_of(name: str) -> str:
    """Unit of the latents."""
    return "nats of mel magnitude" if name.startswith(("mel-pca-", "random-projection-")) else "codec units"
