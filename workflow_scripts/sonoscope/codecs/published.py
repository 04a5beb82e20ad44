"""Published codecs through transformers, and the codec of a MusicGen: latents before any quantisation.

Which latent: the output of the encoder that goes into the quantiser, not a dequantised sum and not a projection of it.
The decoders were trained on quantised latents, so what a continuous one sounds like is to be measured, not assumed.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sonoscope.errors import SonoscopeError

_PROBE = 4
"""Seconds of silence by which frames are counted; a whole number of frames for 12.5, 50 and 75 Hz."""


class TransformersCodec:
    """EnCodec, Mimi or the audio tokenizer of pocket-tts from a folder in transformers' layout."""

    def __init__(self, name: str, model: Any) -> None:
        self._name, self.model = name, model.train(False).requires_grad_(False)
        config = model.config
        self._sample_rate = int(config.sampling_rate)
        with torch.no_grad():
            probe = self._latents(torch.zeros(1, 1, _PROBE * self._sample_rate, device=self._device))
        # counted, since configurations name the rate of the quantiser, which need not be that of the encoder
        self._hop = round(_PROBE * self._sample_rate / probe.shape[1])
        self._dim = probe.shape[2]

    @property
    def name(self) -> str:
        """Name, as in configuration and results."""
        return self._name

    @property
    def sample_rate(self) -> int:
        """Rate of the audio, in hertz."""
        return self._sample_rate

    @property
    def frame_rate(self) -> float:
        """Rate of the latents, in hertz."""
        return self._sample_rate / self._hop

    @property
    def dim(self) -> int:
        """Dimensions of a latent."""
        return self._dim

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """Latents [B, T, D] of mono audio [B, 1, S], padded with silence to whole frames."""
        missing = -audio.shape[-1] % self._hop
        return self._latents(torch.nn.functional.pad(audio, (0, missing)))

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Mono audio [B, 1, T · hop] of latents [B, T, D]."""
        length = latents.shape[1] * self._hop
        if self._time_first:
            found = self.model.decode(latents).audio_values
        else:
            found = self.model.decoder(latents.transpose(1, 2))
            found = getattr(found, "audio_values", found)
        audio: Tensor = found.reshape(len(latents), 1, -1)
        return audio[..., :length]

    @property
    def _time_first(self) -> bool:
        return type(self.model).__name__.startswith("PocketTTS")

    @property
    def _device(self) -> torch.device:
        found: torch.device = next(self.model.parameters()).device
        return found

    def _latents(self, audio: Tensor) -> Tensor:
        if self._time_first:
            latents: Tensor = self.model.encode(audio).latents
            return latents
        found = self.model.encoder(audio)
        latents = getattr(found, "latents", found)  # Mimi gives a record, EnCodec a tensor
        return latents.transpose(1, 2)


def load_transformers_codec(folder: Path, name: str, where: str = "cpu") -> TransformersCodec:
    """Load a codec from a folder in transformers' layout; weights are read as safetensors.

    Raises
    ------
    SonoscopeError
        The folder holds no codec that is known here.
    """
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    known = ("encodec", "mimi")
    if config.model_type not in known and "pocket" not in config.model_type:
        raise SonoscopeError(f"{folder}: expected encodec, mimi or pocket-tts, found a {config.model_type}")
    model = AutoModel.from_pretrained(folder, local_files_only=True).to(where)
    return TransformersCodec(name, model)


class MusicGenCodec:
    """The EnCodec inside a MusicGen in audiocraft's layout."""

    def __init__(self, name: str, model: Any) -> None:
        self._name, self.model = name, model.eval()

    @property
    def name(self) -> str:
        """Name, as in configuration and results."""
        return self._name

    @property
    def sample_rate(self) -> int:
        """Rate of the audio, in hertz."""
        return int(self.model.sample_rate)

    @property
    def frame_rate(self) -> float:
        """Rate of the latents, in hertz."""
        return float(self.model.frame_rate)

    @property
    def dim(self) -> int:
        """Dimensions of a latent."""
        return int(self.model.encoder.dimension)

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """Latents [B, T, D] of mono audio [B, 1, S]."""
        hop = round(self.sample_rate / self.frame_rate)
        padded = torch.nn.functional.pad(audio, (0, -audio.shape[-1] % hop))
        latents: Tensor = self.model.encoder(padded)
        return latents.transpose(1, 2)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Mono audio [B, 1, T · hop] of latents [B, T, D]."""
        audio: Tensor = self.model.decoder(latents.transpose(1, 2))
        return audio


def load_musicgen_codec(file: Path, name: str, where: str = "cpu") -> MusicGenCodec:
    """Load the codec of a MusicGen from its ``compression_state_dict.bin``."""
    from omegaconf import OmegaConf

    from sonoscope.musicgen.checkpoint import read_package
    from sonoscope.musicgen.craft import builders

    package = read_package(file)
    if "best_state" not in package:
        raise SonoscopeError(f"{file}: it only names its codec, {package.get('pretrained')}; fetch and name that one")
    config = OmegaConf.create(package["xp.cfg"])
    config.device, config.dtype = where, "float32"
    codec = builders.get_compression_model(config)
    codec.load_state_dict(package["best_state"])
    return MusicGenCodec(name, codec.to(where))
