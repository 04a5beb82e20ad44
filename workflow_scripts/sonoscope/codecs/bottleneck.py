"""A bottleneck between frozen features and a trained decoder: the codecs of experiments 5 and 9.

Features come from a front end that is never trained: stacked log-mel frames, or the encoder of a pretrained codec. A
linear map gives the posterior's mean, another its log-variance; a linear map and a small network lead back. The linear
maps begin as principal components of the training features, in units in which the latents have the variance of their
prior, so that what components keep never has to be learned. With a codec, its decoder is trained too.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, Self, cast

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (its name everywhere)

from sonoscope.codecs.loading import load_codec
from sonoscope.codecs.mel import LogMel
from sonoscope.codecs.neural import CodecError, NeuralCodec
from sonoscope.contracts.tensors import sort_header
from sonoscope.files import replacing
from sonoscope.settings.bottlenecks import MEL

_LOG_VARIANCE = 6.0
"""Bound of the posterior's log-variance; smooth, so that its gradient never dies."""
_FIRST_LOG_VARIANCE = -3.0
_KIND = "sonoscope-bottleneck"
_LEAST_VARIANCE = 1e-8


class FrontEnd(Protocol):
    """Frozen features of audio, and what they are decoded to."""

    name: str
    sample_rate: int
    frame_rate: float
    size: int
    """Numbers per frame of features."""

    def features(self, audio: Tensor) -> Tensor:
        """Features [B, T, H] of mono audio [B, 1, S]; no gradient."""
        ...

    def waveform(self, features: Tensor) -> Tensor:
        """Mono audio [B, 1, S] of features [B, T, H]."""
        ...

    def trained(self) -> nn.Module | None:
        """What of it is trained: a codec's decoder."""
        ...


class MelFront:
    """Log-mel frames at 100 Hz, stacked to the rate of the latents; nothing of it is trained."""

    name = MEL

    def __init__(self, frame_rate: float) -> None:
        self.mel = LogMel()
        self.sample_rate = self.mel.sample_rate
        self.stack = round(self.sample_rate / self.mel.hop / frame_rate)
        self.frame_rate = self.sample_rate / self.mel.hop / self.stack
        self.size = self.stack * self.mel.bands

    def features(self, audio: Tensor) -> Tensor:
        """Stacked log-mel frames."""
        return self.mel.frames(audio, self.stack).reshape(len(audio), -1, self.size)

    def waveform(self, features: Tensor) -> Tensor:
        """By Griffin-Lim."""
        return self.mel.waveform(features.reshape(len(features), -1, self.mel.bands))

    def trained(self) -> nn.Module | None:
        """Nothing."""
        return None


class CodecFront:
    """The frozen encoder of a pretrained codec, its frames stacked to the latents' rate; its decoder is trained."""

    def __init__(self, codec: NeuralCodec, frame_rate: float) -> None:
        self.codec = codec
        self.name, self.sample_rate = codec.name, codec.sample_rate
        self.stack = max(1, round(codec.frame_rate / frame_rate))
        self.frame_rate = codec.frame_rate / self.stack
        self.size = self.stack * codec.dim

    @torch.no_grad()
    def features(self, audio: Tensor) -> Tensor:
        """Latents of the codec before its quantiser, stacked."""
        hop = round(self.sample_rate / self.frame_rate)
        found = self.codec.encode(F.pad(audio, (0, -audio.shape[-1] % hop)))
        return found[:, : found.shape[1] // self.stack * self.stack].reshape(len(audio), -1, self.size)

    def waveform(self, features: Tensor) -> Tensor:
        """By the decoder, with its gradient."""
        frames = features.reshape(len(features), -1, self.codec.dim)
        return self.codec.synthesise(frames)

    def trained(self) -> nn.Module | None:
        """The decoder."""
        return self.codec.decoder


@dataclass(frozen=True)
class Geometry:
    """Shape of a bottleneck, in the header of its file."""

    front: str
    size: int
    dim: int
    hidden: int
    frame_rate: float


class BottleneckVae(nn.Module):
    """The codec. Encoding gives the posterior's mean, so that it is deterministic."""

    mean: Tensor
    scale: Tensor

    def __init__(self, front: FrontEnd, dim: int, hidden: int, name: str = "") -> None:
        super().__init__()
        self.front, self.name = front, name or f"{front.name}-vae"
        self.geometry = Geometry(front.name, front.size, dim, hidden, front.frame_rate)
        self.register_buffer("mean", torch.zeros(front.size))
        self.register_buffer("scale", torch.ones(front.size))
        self.analysis = nn.Linear(front.size, dim)
        self.spread = nn.Linear(front.size, dim)
        self.synthesis = nn.Linear(dim, front.size)
        self.correction = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, front.size))
        self.decoder = front.trained()
        for last in (self.spread, cast(nn.Linear, self.correction[-1])):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        nn.init.constant_(self.spread.bias, _FIRST_LOG_VARIANCE)
        if self.decoder is not None:
            self.decoder.requires_grad_(True)

    @property
    def sample_rate(self) -> int:
        """Rate of the audio, in hertz."""
        return self.front.sample_rate

    @property
    def frame_rate(self) -> float:
        """Rate of the latents, in hertz."""
        return self.front.frame_rate

    @property
    def dim(self) -> int:
        """Dimensions of a latent."""
        return self.geometry.dim

    @torch.no_grad()
    def start_from(self, features: Tensor) -> None:
        """Standardise by training features [N, H] and begin at their principal components.

        Raises
        ------
        CodecError
            The front end gives the same for everything (as encoders without their weights do), or fewer independent
            numbers than the bottleneck has.
        """
        refuse_degenerate(features, self.front.name, self.dim)
        rows = features.double()
        deviation = rows.std(0)
        self.mean.copy_(rows.mean(0))
        self.scale.copy_(deviation.clamp(min=1e-3 * float(deviation.max())))
        standard = (rows - self.mean.double()) / self.scale.double()
        values, vectors = torch.linalg.eigh(standard.T @ standard / len(rows))
        kept, size = vectors[:, -self.dim :].flip(1).T, values[-self.dim :].flip(0).clamp(min=1e-6).sqrt()
        self.analysis.weight.copy_(kept / size[:, None])
        self.synthesis.weight.copy_((kept * size[:, None]).T)
        for layer in (self.analysis, self.synthesis):
            layer.bias.zero_()

    def standardise(self, features: Tensor) -> Tensor:
        """Features in units of the training data's deviation."""
        standard: Tensor = (features - self.mean) / self.scale
        return standard

    def posterior(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents, each [B, T, D], of features [B, T, H]."""
        standard = self.standardise(features)
        raw: Tensor = self.spread(standard)
        return self.analysis(standard), _LOG_VARIANCE * torch.tanh(raw / _LOG_VARIANCE)

    def back(self, latents: Tensor) -> Tensor:
        """Features [B, T, H] of latents [B, T, D]."""
        standard: Tensor = self.synthesis(latents) + self.correction(latents)
        return standard * self.scale + self.mean

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """Latents [B, T, D] of mono audio [B, 1, S]."""
        return self.posterior(self.front.features(audio).to(self.mean))[0].to(audio)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Mono audio [B, 1, samples] of latents [B, T, D]."""
        return self.front.waveform(self.back(latents.to(self.mean))).to(latents)

    def save(self, path: Path) -> None:
        """Write weights (the decoder's too, the frozen encoder's not) and geometry as one safetensors file."""
        header = {"kind": _KIND, "name": self.name, **{k: str(v) for k, v in asdict(self.geometry).items()}}
        weights = {k: v.detach().cpu().contiguous().clone() for k, v in self.state_dict().items()}
        with replacing(path) as temporary:
            save_file(weights, temporary, metadata=header)
            sort_header(temporary)

    @classmethod
    def load(cls, path: Path, codec_file: Path | None = None) -> Self:
        """Read what `save` wrote, ready for inference.

        Raises
        ------
        CodecError
            It is another file, or made with another codec than the one given.
        """
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("kind") != _KIND:
                raise CodecError(f"{path}: expected a bottleneck, found {header.get('name', 'no name')}")
            front = front_end(header["front"], float(header["frame_rate"]), codec_file)
            model = cls(front, int(header["dim"]), int(header["hidden"]), header["name"])
            model.load_state_dict(_fitting(model, {k: file.get_tensor(k) for k in file.keys()}, path))  # noqa: SIM118
        model.requires_grad_(False)
        model.eval()
        return model


def front_end(name: str, frame_rate: float, codec_file: Path | None = None) -> FrontEnd:
    """The front end by its name: ``mel``, or that of the codec whose file is given.

    Raises
    ------
    CodecError
        A codec without its file, or one that has no decoder to train.
    """
    if name == MEL:
        return MelFront(frame_rate)
    if codec_file is None:
        raise CodecError(f"{name}: expected the file of the codec, found none")
    codec = load_codec(codec_file, name)
    if not isinstance(codec, NeuralCodec):
        raise CodecError(f"{name}: expected a codec with a decoder of waveforms, which mel-pca has not; use {MEL}")
    return CodecFront(codec, frame_rate)


def refuse_degenerate(features: Tensor, name: str, dim: int) -> None:
    """Raise `CodecError` where features [N, H] carry too little to train on.

    An encoder whose weights are missing answers with a constant, and everything trained on it looks like a collapse.
    """
    if len(features) <= dim or not bool(torch.isfinite(features).all()):
        raise CodecError(f"{name}: expected more than {dim} finite frames of features, found {len(features)}")
    variance = features.double().var(0)
    alive = int((variance > _LEAST_VARIANCE * max(1.0, float(features.double().square().mean()))).sum())
    if alive < dim:
        raise CodecError(
            f"{name}: {alive} of {features.shape[1]} features ever change, expected at least {dim}; the encoder gives "
            "the same for all speech. Are its weights there? Published pocket-tts without voice cloning lacks them"
        )


def _fitting(model: nn.Module, found: Mapping[str, Tensor], path: Path) -> Mapping[str, Tensor]:
    wanted = {k: v.shape for k, v in model.state_dict().items()}
    if set(wanted) != set(found) or any(found[k].shape != s for k, s in wanted.items()):
        raise CodecError(f"{path}: expected the tensors of this front end, found others; is it of another codec?")
    return found
