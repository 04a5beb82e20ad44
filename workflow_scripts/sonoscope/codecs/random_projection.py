"""A control among codecs: stacked log-mel frames seen through a random rotation, which knows nothing of speech."""

from dataclasses import dataclass, replace

import torch

from sonoscope.codecs.mel_pca import MelPca


@dataclass(frozen=True)
class RandomProjection(MelPca):
    """As `MelPca`, with random orthonormal rows in place of the principal components."""

    @property
    def name(self) -> str:
        """Name, as in configuration and results."""
        return f"random-projection-{self.dim}"


def randomised(codec: MelPca, seed: int) -> RandomProjection:
    """The control of ``codec``: as many dimensions, drawn from ``seed``."""
    generator = torch.Generator().manual_seed(seed)
    size = codec.components.shape[1]
    normal = torch.randn(size, codec.dim, generator=generator, dtype=torch.float64)
    rows = torch.linalg.qr(normal).Q.T.float().contiguous()
    fields = {name: getattr(codec, name) for name in ("mel", "stack", "mean", "variances", "kept_variance")}
    return replace(RandomProjection(components=codec.components, **fields), components=rows)
