"""Heads that read bars and say valence and arousal, small enough for a CPU.

Shapes: ``x[clips, bars, width]``, ``codes[clips, bars, codebooks]``, ``mask[clips, bars]`` True where there is a bar;
the output is ``[clips, bars, 2]``.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sonoscope.settings.affect import BodyName

CODE_WIDTH = 32


@dataclass(frozen=True)
class Shape:
    """What a head is built from; stands in its bundle."""

    latent: int
    """Width of the continuous latent, which stands first; 0 for none."""
    side: int
    """Width of the side channel."""
    codebooks: int
    """Codebooks that are read; 0 for none."""
    codes: int
    """Codes of each."""
    body: BodyName
    tanh: bool
    attention: bool
    """Whether bars of a clip are weighted by attention."""
    dropout: float
    model_width: int = 64
    layers: int = 1
    heads: int = 4
    narrow: int = 16
    """Width to which a transformer over bars brings the latent, so that a hundred songs do not teach it by heart."""


class AffectHead(nn.Module):
    """One head."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        s = self.shape = shape
        self.embedding = nn.Embedding(s.codebooks * s.codes, CODE_WIDTH) if s.codebooks else None
        self.over_bars = s.body in ("causal", "bidirectional")
        latent = s.latent + (CODE_WIDTH if s.codebooks else 0)
        width = latent + s.side
        if self.over_bars:
            self.latent = latent
            if latent:
                self.narrow = nn.Sequential(nn.Linear(latent, s.narrow), nn.Dropout(s.dropout))
            self.enter = nn.Linear((s.narrow if latent else 0) + s.side, s.model_width)
            self.layers = nn.ModuleList(
                nn.TransformerEncoderLayer(
                    s.model_width, s.heads, 2 * s.model_width, s.dropout, batch_first=True, norm_first=True
                )
                for _ in range(s.layers)
            )
            self.leave = nn.Sequential(nn.LayerNorm(s.model_width), nn.Linear(s.model_width, 2))
        else:
            hidden = max(2, width // 2)
            self.perceptron = nn.Sequential(
                nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(s.dropout), nn.Linear(hidden, 2)
            )
        self.weigh = nn.Linear(width, 1) if s.attention else None

    def forward(self, x: Tensor, codes: Tensor | None, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Prediction of every bar, and the weight of every bar in its clip ``[clips, bars]``, which sum to 1."""
        if self.embedding is not None and codes is not None:
            offset = torch.arange(self.shape.codebooks, device=codes.device) * self.shape.codes
            x = torch.cat([self.embedding(codes + offset).mean(2), x], dim=2)
        y = self._body(x, mask)
        y = torch.tanh(y) if self.shape.tanh else y
        if self.weigh is None:
            return y, mask / mask.sum(1, keepdim=True).clamp(min=1)
        scores = self.weigh(x)[..., 0].masked_fill(~mask, -math.inf)
        return y, torch.nan_to_num(scores.softmax(1))

    def _body(self, x: Tensor, mask: Tensor) -> Tensor:
        if self.shape.body == "pooled":
            share = mask / mask.sum(1, keepdim=True).clamp(min=1)
            mean = (x * share[..., None]).sum(1, keepdim=True)
            pooled: Tensor = self.perceptron(mean).expand(-1, x.shape[1], -1)
            return pooled
        if not self.over_bars:
            bars: Tensor = self.perceptron(x)
            return bars
        if self.latent:
            x = torch.cat([self.narrow(x[..., : self.latent]), x[..., self.latent :]], dim=2)
        hidden = self.enter(x) + _places(x.shape[1], self.shape.model_width, x.device)
        seen = None
        if self.shape.body == "causal":
            seen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        for layer in self.layers:
            hidden = layer(hidden, src_mask=seen, src_key_padding_mask=~mask)
        result: Tensor = self.leave(hidden)
        return result


def _places(bars: int, width: int, device: torch.device) -> Tensor:
    """Sinusoids of a bar's place, small beside the inputs."""
    place = torch.arange(bars, device=device)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10000.0) / width))
    table = torch.zeros(bars, width, device=device)
    table[:, 0::2], table[:, 1::2] = torch.sin(place * rate), torch.cos(place * rate)
    return 0.1 * table
