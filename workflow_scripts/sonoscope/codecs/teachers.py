"""What latents are taught to resemble: a self-supervised speech model, or a documented stand-in of it.

The stand-in is a frozen transform of log-mel frames: cepstra, their first and second differences, standardised by a
fixed scale. It knows nothing of words; it serves where WavLM (Chen et al. 2022) was not fetched, and every result says
which one was used.
"""

import math
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from scipy.signal import resample_poly
from torch import Tensor

from sonoscope.codecs.mel import LogMel
from sonoscope.codecs.neural import CodecError

WAVLM = "wavlm-base-plus"
STAND_IN = "log-mel derivatives (stand-in for WavLM)"
_WAVLM_RATE = 16_000
_CEPSTRA = 20


class Teacher(Protocol):
    """Frozen features of audio."""

    name: str
    size: int
    """Numbers per frame."""

    def features(self, audio: Tensor) -> Tensor:
        """Features [B, T', H] of mono audio [B, 1, S]; no gradient."""
        ...


class MelTeacher:
    """Cepstra of log-mel frames with first and second differences."""

    name = STAND_IN
    size = 3 * _CEPSTRA

    def __init__(self, sample_rate: int) -> None:
        self.mel = LogMel(sample_rate=sample_rate, hop=sample_rate // 50, highest=min(8000.0, sample_rate / 2))
        bands, n = torch.arange(self.mel.bands) + 0.5, torch.arange(1, _CEPSTRA + 1)
        self.transform = torch.cos(math.pi / self.mel.bands * bands[:, None] * n) * math.sqrt(2 / self.mel.bands)

    @torch.no_grad()
    def features(self, audio: Tensor) -> Tensor:
        """Features at 50 Hz."""
        cepstra = self.mel.frames(audio) @ self.transform.to(audio)
        first = torch.nn.functional.pad(cepstra.diff(dim=1), (0, 0, 1, 0))
        second = torch.nn.functional.pad(first.diff(dim=1), (0, 0, 1, 0))
        return torch.cat([cepstra, 2 * first, 2 * second], -1)


class WavLmTeacher:
    """A hidden layer of WavLM, from a folder in transformers' layout."""

    name = WAVLM

    def __init__(self, folder: Path, layer: int, sample_rate: int, device: torch.device) -> None:
        from transformers import AutoConfig, AutoModel

        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True)
            if config.model_type != "wavlm":
                raise CodecError(f"{folder}: expected WavLM, found {config.model_type}")
            model: Any = AutoModel.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise CodecError(f"{folder}: expected WavLM in transformers' layout, found {error}") from None
        if layer > int(config.num_hidden_layers):
            raise CodecError(f"vaegan.teacher_layer: WavLM has layers 0 to {config.num_hidden_layers}, found {layer}")
        self.model, self.layer, self.rate = model.to(device).eval().requires_grad_(False), layer, sample_rate
        self.size = int(config.hidden_size)

    @torch.no_grad()
    def features(self, audio: Tensor) -> Tensor:
        """Features at 50 Hz."""
        mono = audio[:, 0]
        if self.rate != _WAVLM_RATE:
            step = math.gcd(self.rate, _WAVLM_RATE)
            made = resample_poly(mono.cpu().numpy(), _WAVLM_RATE // step, self.rate // step, axis=1)
            mono = torch.from_numpy(made.astype(np.float32))
        found = self.model(mono.to(next(self.model.parameters()).device), output_hidden_states=True)
        hidden: Tensor = found.hidden_states[self.layer]
        return hidden


def choose_teacher(
    which: str, folder: Path | None, layer: int, sample_rate: int, device: torch.device
) -> Teacher | None:
    """The teacher by its name in the settings: wavlm, mel, none, or auto, which takes WavLM where it is.

    Raises
    ------
    CodecError
        WavLM is asked for by name and was not fetched.
    """
    if which == "none":
        return None
    if which == "mel" or (which == "auto" and folder is None):
        return MelTeacher(sample_rate)
    if folder is None:
        raise CodecError(f"vaegan.teacher: {WAVLM} is not here; fetch it (fetch.models), or use mel, its stand-in")
    return WavLmTeacher(folder, layer, sample_rate, device)


def aligned(features: Tensor, frames: int) -> Tensor:
    """Features [B, T', H] interpolated to ``frames`` frames."""
    return torch.nn.functional.interpolate(
        features.transpose(1, 2), size=frames, mode="linear", align_corners=False
    ).transpose(1, 2)
