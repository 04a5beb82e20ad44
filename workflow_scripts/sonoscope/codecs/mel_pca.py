"""A linear codec without training noise: stacked log-mel frames, projected onto their principal components."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sonoscope.codecs.mel import LogMel
from sonoscope.contracts import Tensor as TensorSpec
from sonoscope.contracts import Tensors

WEIGHTS = Tensors(
    "mel_pca",
    {
        "mean": TensorSpec("float32", ("stacked",)),
        "components": TensorSpec("float32", ("dim", "stacked")),
        "variances": TensorSpec("float32", ("dim",)),
    },
    header=("name", "sample_rate", "hop", "window", "bands", "highest", "stack", "kept_variance"),
    description="Principal components of stacked log-mel frames.",
)


@dataclass(frozen=True)
class MelPca:
    """Log-mel frames, ``stack`` at a time, as their principal components.

    With a hop of 240 and a stack of 8 the frame rate is 12.5 Hz; a hop of 320 and a stack of 1 gives 75 Hz.
    """

    mel: LogMel
    stack: int
    mean: Tensor
    """[stack · bands]"""
    components: Tensor
    """[D, stack · bands], orthonormal rows, largest variance first."""
    variances: Tensor
    """[D]"""
    kept_variance: float
    """Share of the variance that the components keep."""

    @classmethod
    def fit(cls, audio: Iterable[Tensor], dim: int, mel: LogMel | None = None, stack: int = 8) -> Self:
        """Learn from mono clips [1, 1, S] of the training speakers, one pass, in float64.

        Raises
        ------
        ValueError
            Fewer frames than dimensions, more dimensions than a stack has numbers, or no variance.
        """
        front = mel or LogMel()
        size = stack * front.bands
        if dim > size:
            raise ValueError(f"expected at most {size} dimensions, which is what a stack holds, found {dim}")
        count, total, moment = 0, torch.zeros(size, dtype=torch.float64), torch.zeros(size, size, dtype=torch.float64)
        for clip in audio:
            rows = front.frames(clip, stack).reshape(-1, size).double()
            count, total, moment = count + len(rows), total + rows.sum(0), moment + rows.T @ rows
        if count <= dim:
            raise ValueError(f"expected more than {dim} frames to learn {dim} dimensions from, found {count}")
        mean = total / count
        values, vectors = torch.linalg.eigh(moment / count - mean[:, None] * mean)
        values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
        if float(values[0]) <= 0:
            raise ValueError("the clips have no variance; are they silent?")
        # the sign of a component is arbitrary: its largest entry is made positive
        peaks = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))[0]
        components = (vectors * peaks.sign())[:, :dim].T.contiguous()
        kept = float(values[:dim].sum() / values.sum())
        return cls(front, stack, mean.float(), components.float(), values[:dim].float(), kept)

    @property
    def name(self) -> str:
        """Name, as in configuration and results."""
        return f"mel-pca-{self.dim}"

    @property
    def sample_rate(self) -> int:
        """Rate of the audio, in hertz."""
        return self.mel.sample_rate

    @property
    def frame_rate(self) -> float:
        """Rate of the latents, in hertz."""
        return self.mel.sample_rate / (self.mel.hop * self.stack)

    @property
    def dim(self) -> int:
        """Dimensions of a latent."""
        return len(self.components)

    def encode(self, audio: Tensor) -> Tensor:
        """Latents [B, T, D] of mono audio [B, 1, S], in nats of magnitude."""
        return self.project(self.mel.frames(audio, self.stack))

    def project(self, frames: Tensor) -> Tensor:
        """Latents [B, T, D] of log-mel frames [B, F, bands]."""
        stacked = frames.reshape(len(frames), -1, self.stack * self.mel.bands)
        latents: Tensor = (stacked - self.mean.to(frames)) @ self.components.to(frames).T
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """Mono audio [B, 1, samples] of latents [B, T, D]."""
        return self.mel.waveform(self.spectra(latents))

    def spectra(self, latents: Tensor) -> Tensor:
        """Log-mel frames [B, F, bands] of latents [B, T, D]."""
        stacked = latents @ self.components.to(latents) + self.mean.to(latents)
        return stacked.reshape(len(latents), -1, self.mel.bands)

    def truncated(self, dim: int) -> Self:
        """Give the codec that keeps only the first ``dim`` components."""
        if dim > self.dim:
            raise ValueError(f"expected at most {self.dim} dimensions, which is what was fitted, found {dim}")
        total = float(self.variances.sum()) / self.kept_variance
        kept = float(self.variances[:dim].sum()) / total
        return replace(self, components=self.components[:dim], variances=self.variances[:dim], kept_variance=kept)

    def save(self, path: Path) -> None:
        """Write the components with all that is needed to use them."""
        arrays = {n: getattr(self, n).numpy() for n in WEIGHTS.tensors}
        front = {n: str(getattr(self.mel, n)) for n in ("sample_rate", "hop", "window", "bands", "highest")}
        header = {"name": self.name, **front, "stack": str(self.stack), "kept_variance": repr(self.kept_variance)}
        WEIGHTS.write(path, arrays, header)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        arrays, header = WEIGHTS.read(path)
        whole = {n: int(header[n]) for n in ("sample_rate", "hop", "window", "bands")}
        mel = LogMel(**whole, highest=float(header["highest"]))
        mean, components, variances = (torch.from_numpy(np.asarray(arrays[n])) for n in WEIGHTS.tensors)
        return cls(mel, int(header["stack"]), mean, components, variances, float(header["kept_variance"]))
