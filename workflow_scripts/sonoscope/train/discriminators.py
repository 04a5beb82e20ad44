"""Multi-scale STFT discriminators (Défossez et al. 2022, §3.4), and the losses of a GAN in them."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (its name everywhere)
from torch.nn.utils.parametrizations import weight_norm

_SLOPE = 0.2


class StftDiscriminator(nn.Module):
    """One scale: real and imaginary parts of a spectrogram through six convolutions."""

    def __init__(self, window: int, channels: int) -> None:
        super().__init__()
        self.window = window
        wide = [channels * m for m in (1, 2, 4, 8)]
        layers = [weight_norm(nn.Conv2d(2, wide[0], (3, 9), padding=(1, 4)))]
        for a, b in pairwise(wide):
            layers.append(weight_norm(nn.Conv2d(a, b, (3, 9), stride=(2, 2), padding=(1, 4))))
        layers.append(weight_norm(nn.Conv2d(wide[-1], wide[-1], (3, 3), padding=(1, 1))))
        self.layers = nn.ModuleList(layers)
        self.last = weight_norm(nn.Conv2d(wide[-1], 1, (3, 3), padding=(1, 1)))

    def forward(self, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits and the outputs of all layers but the last, of audio [B, 1, S]."""
        window = torch.hann_window(self.window, device=audio.device)
        spectrum = torch.stft(
            audio[:, 0], self.window, self.window // 4, window=window, normalized=True, return_complex=True
        )
        x, seen = torch.view_as_real(spectrum).permute(0, 3, 2, 1), []  # [B, 2, frames, bins]
        for layer in self.layers:
            x = F.leaky_relu(layer(x), _SLOPE)
            seen.append(x)
        return self.last(x), seen


class MultiScale(nn.Module):
    """Discriminators of several windows."""

    def __init__(self, windows: Sequence[int], channels: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(StftDiscriminator(w, channels) for w in windows)

    def forward(self, audio: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        """What each scale says of audio [B, 1, S]."""
        return [scale(audio) for scale in self.scales]


Said = Sequence[tuple[Tensor, list[Tensor]]]


def discriminator_loss(real: Said, made: Said) -> Tensor:
    """Hinge loss of the discriminators, averaged over scales."""
    each = [F.relu(1 - r).mean() + F.relu(1 + m).mean() for (r, _), (m, _) in zip(real, made, strict=True)]
    return torch.stack(each).mean()


def adversarial_loss(made: Said) -> Tensor:
    """What the generator is to lower: the hinge, averaged over scales."""
    return torch.stack([F.relu(1 - m).mean() for m, _ in made]).mean()


def feature_loss(real: Said, made: Said) -> Tensor:
    """Mean absolute difference of what the layers see, relative to its size, averaged over scales and layers."""
    pairs = [(a.detach(), b) for (_, r), (_, m) in zip(real, made, strict=True) for a, b in zip(r, m, strict=True)]
    return torch.stack([(a - b).abs().mean() / a.abs().mean().clamp(min=1e-6) for a, b in pairs]).mean()
