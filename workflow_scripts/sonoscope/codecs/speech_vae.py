"""sonoscope-speech: a small continuous speech codec, 24 kHz audio to 12.5 latents per second.

A causal VAE between log-mel frames at 100 Hz and latents at 12.5 Hz; a waveform comes back by Griffin-Lim. Either way
is a linear map, which begins as the principal components of the training data, plus a convolutional correction, which
begins at zero: what the components keep, the codec never has to learn. At inference the latent is the posterior's mean,
so that encoding is deterministic.
"""

from pathlib import Path
from typing import Self, cast

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (its name everywhere)

from sonoscope.codecs.mel import LogMel
from sonoscope.contracts.tensors import sort_header
from sonoscope.files import replacing
from sonoscope.settings.codecs import SpeechCodecGeometry

_DOUBLINGS = 3  # 100 Hz to 12.5 Hz
_LOG_VARIANCE = 6.0  # bound of the posterior's log-variance; smooth, so that its gradient never dies


class _Causal(nn.Conv1d):
    """A convolution that sees no later frame."""

    def forward(self, x: Tensor) -> Tensor:
        past = (self.kernel_size[0] - 1) * self.dilation[0] - (self.stride[0] - 1)
        return super().forward(F.pad(x, (past, 0)))


class _Residual(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.wide = _Causal(width, width, 3, dilation=dilation)
        self.narrow = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.narrow(F.gelu(self.wide(F.gelu(x))))
        return y


class SpeechVae(nn.Module):
    """The codec. ``mel_mean`` and ``mel_scale`` standardise its input and are set from training data."""

    name = "sonoscope-speech"

    def __init__(self, geometry: SpeechCodecGeometry) -> None:
        super().__init__()
        self.geometry, self.mel = geometry, LogMel()
        bands, width = self.mel.bands, geometry.width
        self.register_buffer("mel_mean", torch.zeros(bands))
        self.register_buffer("mel_scale", torch.ones(bands))
        encoder: list[nn.Module] = [_Causal(bands, width, 5)]
        decoder: list[nn.Module] = [_Causal(geometry.dim, width, 3)]
        for _ in range(_DOUBLINGS):
            encoder += [_Residual(width, 1), _Residual(width, 2), _Causal(width, width, 4, stride=2)]
            decoder += [nn.ConvTranspose1d(width, width, 2, stride=2), _Residual(width, 1), _Residual(width, 2)]
        corrections = nn.Conv1d(width, 2 * geometry.dim, 1), nn.Conv1d(width, bands, 1)
        for last in corrections:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(cast(Tensor, last.bias))
        self.encoder = nn.Sequential(*encoder, nn.GELU(), corrections[0])
        self.decoder = nn.Sequential(*decoder, nn.GELU(), corrections[1])
        self.analysis = nn.Linear(self.stack * bands, geometry.dim)
        self.synthesis = nn.Linear(geometry.dim, self.stack * bands)

    @property
    def sample_rate(self) -> int:
        """Rate of the audio, in hertz."""
        return self.mel.sample_rate

    @property
    def stack(self) -> int:
        """Mel frames per latent."""
        return int(2**_DOUBLINGS)

    @property
    def frame_rate(self) -> float:
        """Rate of the latents, in hertz."""
        return self.mel.sample_rate / (self.mel.hop * self.stack)

    @property
    def dim(self) -> int:
        """Dimensions of a latent."""
        return self.geometry.dim

    @torch.no_grad()
    def start_from(self, frames: Tensor) -> None:
        """Standardise by the log-mel frames [8 N, bands] of the training data, and begin at their components.

        The latents have unit variance then, as their prior has.
        """
        self.mel_mean, self.mel_scale = frames.mean(0), frames.std(0).clamp(min=1e-3)
        stacked = self.standardise(frames).reshape(-1, self.stack * self.mel.bands).double()
        centre = stacked.mean(0)
        values, vectors = torch.linalg.eigh((stacked - centre).T @ (stacked - centre) / len(stacked))
        kept, scale = vectors[:, -self.dim :].T, values[-self.dim :].clamp(min=1e-6).sqrt()
        self.analysis.weight.copy_(kept / scale[:, None])
        self.analysis.bias.copy_(-(kept @ centre) / scale)
        self.synthesis.weight.copy_((kept * scale[:, None]).T)
        self.synthesis.bias.copy_(centre)

    def posterior(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents, each [B, T, D], of log-mel frames [B, 8 T, bands]."""
        standard = self.standardise(frames)
        raw: Tensor = self.encoder(standard.transpose(1, 2)).transpose(1, 2)
        correction, spread = raw.chunk(2, dim=-1)
        stacked = standard.reshape(len(standard), -1, self.stack * self.mel.bands)
        mean: Tensor = self.analysis(stacked) + correction
        return mean, _LOG_VARIANCE * torch.tanh((spread - 2) / _LOG_VARIANCE)

    def standardise(self, frames: Tensor) -> Tensor:
        """Log-mel frames in units of the training data's deviation."""
        return (frames - self.mel_mean) / self.mel_scale

    def spectra(self, latents: Tensor) -> Tensor:
        """Log-mel frames [B, 8 T, bands] of latents [B, T, D]."""
        correction: Tensor = self.decoder(latents.transpose(1, 2)).transpose(1, 2)
        stacked: Tensor = self.synthesis(latents)
        standard = stacked.reshape(len(latents), -1, self.mel.bands) + correction
        return standard * self.mel_scale + self.mel_mean

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """Latents [B, T, D] of mono audio [B, 1, S]."""
        frames = self.mel.frames(audio, self.stack)
        return self.posterior(frames.to(self.mel_mean))[0].to(audio)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Mono audio [B, 1, samples] of latents [B, T, D]."""
        return self.mel.waveform(self.spectra(latents.to(self.mel_mean)).to(latents))

    def save(self, path: Path) -> None:
        """Write weights, in half precision, and geometry as one safetensors file."""
        header = {"name": self.name, "geometry": self.geometry.model_dump_json()}
        weights = {name: value.half().contiguous() for name, value in self.state_dict().items()}
        with replacing(path) as temporary:
            save_file(weights, temporary, metadata=header)
            sort_header(temporary)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote, ready for inference.

        Raises
        ------
        ValueError
            The file is of another model.
        """
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("name") != cls.name:
                raise ValueError(f"{path}: expected weights of {cls.name}, found {header.get('name', 'no name')}")
            codec = cls(SpeechCodecGeometry.model_validate_json(header["geometry"]))
            codec.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})  # noqa: SIM118 (not a dict)
        codec.requires_grad_(False)
        codec.eval()
        return codec
