"""Published neural codecs, taken before their quantiser: EnCodec, Mimi and Pocket TTS's codec.

All of them are convolutional from the waveform on, and their decoders accept latents that were never quantised.
"""

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (its name everywhere)

from sonoscope.errors import SonoscopeError


class CodecError(SonoscopeError, ValueError):
    """A codec that cannot be used, with the reason."""


class _Halves(Protocol):
    """How one family of models goes to latents [B, T, D] and back."""

    def analyse(self, audio: Tensor) -> Tensor: ...

    def synthesise(self, latents: Tensor) -> Tensor: ...


class NeuralCodec:
    """A pretrained codec behind the interface of `ContinuousCodec`.

    Audio and latents may lie on any device; results come back to where they came from.
    """

    def __init__(self, name: str, model: nn.Module, halves: _Halves, sample_rate: int, frame_rate: float) -> None:
        model.requires_grad_(False)
        model.eval()
        self.name, self.sample_rate, self.frame_rate = name, sample_rate, frame_rate
        self._model, self._halves = model, halves
        self._hop = round(sample_rate / frame_rate)
        self.dim = int(self.encode(torch.zeros(1, 1, 2 * self._hop)).shape[-1])

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self._model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return next(self._model.parameters()).dtype

    @property
    def decoder(self) -> nn.Module:
        """The part that leads from latents to audio, for those who train it further."""
        found: nn.Module = getattr(self._halves, "model").decoder  # noqa: B009 (of all families)
        return found

    def synthesise(self, latents: Tensor) -> Tensor:
        """As `decode`, with the gradient of the decoder."""
        audio = self._halves.synthesise(latents.to(self.device, self.dtype))
        return audio[..., : latents.shape[1] * self._hop].to(latents)

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """Latents [B, T, D] of mono audio [B, 1, S], padded with silence to whole frames."""
        padded = F.pad(audio, (0, -audio.shape[-1] % self._hop))
        return self._halves.analyse(padded.to(self.device, self.dtype)).to(audio)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Mono audio [B, 1, T · sample_rate / frame_rate] of latents [B, T, D]."""
        return self.synthesise(latents)


class _Encodec:
    """transformers' EncodecModel, or audiocraft's: both have ``encoder`` and ``decoder``, channels first."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def analyse(self, audio: Tensor) -> Tensor:
        latents: Tensor = self.model.encoder(audio)
        return latents.transpose(1, 2)

    def synthesise(self, latents: Tensor) -> Tensor:
        audio: Tensor = self.model.decoder(latents.transpose(1, 2))
        return audio


class _Mimi:
    """transformers' MimiModel: the halves hold the convolutions, the transformers and the change of rate."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def analyse(self, audio: Tensor) -> Tensor:
        latents: Tensor = self.model.encoder(audio).latents
        return latents.transpose(1, 2)

    def synthesise(self, latents: Tensor) -> Tensor:
        audio: Tensor = self.model.decoder(latents.transpose(1, 2)).audio_values
        return audio


class _PocketTts:
    """transformers' PocketTTSAudioTokenizerModel: latents of 32 dimensions, frames first; it has no quantiser."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def analyse(self, audio: Tensor) -> Tensor:
        latents: Tensor = self.model.encode(audio).latents
        return latents

    def synthesise(self, latents: Tensor) -> Tensor:
        audio: Tensor = self.model.decode(latents).audio_values
        return audio


_FAMILIES: dict[str, type[_Encodec] | type[_Mimi] | type[_PocketTts]] = {
    "encodec": _Encodec,
    "mimi": _Mimi,
    "pocket_tts_audio_tokenizer": _PocketTts,
}


def from_transformers(folder: Path, name: str, device: torch.device) -> NeuralCodec:
    """Load a codec from a folder in transformers' layout.

    Raises
    ------
    CodecError
        It is no codec, rescales audio, is not mono, or its weights are missing or damaged.
    """
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise CodecError(f"{folder}: expected a codec in transformers' layout, found {_first_line(error)}") from None
    if config.model_type not in _FAMILIES:
        raise CodecError(f"{folder}: expected one of {', '.join(_FAMILIES)}, found {config.model_type}")
    _refuse(folder, getattr(config, "normalize", False), int(config.audio_channels))
    try:
        model, report = AutoModel.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise CodecError(f"{folder}: expected the weights of {config.model_type}, found {_first_line(error)}") from None
    if report["missing_keys"]:
        raise CodecError(f"{folder}: the weights lack {len(report['missing_keys'])} tensors; fetch the model again")
    family = _FAMILIES[config.model_type](model)
    return NeuralCodec(name, model.to(device), family, int(config.sampling_rate), float(config.frame_rate))


def from_audiocraft(folder: Path, name: str, device: torch.device) -> NeuralCodec:
    """Load the codec of a MusicGen in audiocraft's layout.

    Raises
    ------
    CodecError
        It rescales audio or is not mono.
    CheckpointError
        The file is damaged, or not audiocraft's.
    """
    from sonoscope.musicgen.checkpoint import load_codec

    codec: Any = load_codec(folder, str(device))
    inner = getattr(codec, "model", codec)  # audiocraft wraps transformers' EnCodec where a folder only names one
    normalised = getattr(inner, "renormalize", False) or getattr(getattr(inner, "config", None), "normalize", False)
    _refuse(folder, bool(normalised), int(codec.channels))
    return NeuralCodec(name, codec, _Encodec(inner), int(codec.sample_rate), float(codec.frame_rate))


def _refuse(folder: Path, normalised: bool, channels: int) -> None:
    if normalised:
        raise CodecError(f"{folder}: the codec rescales each clip, so that its latents alone do not hold the sound")
    if channels != 1:
        raise CodecError(f"{folder}: expected a mono codec, found {channels} channels")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
