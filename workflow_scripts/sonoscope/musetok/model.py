"""MuseTok's autoencoder: a transformer that reads a bar, residual quantisation, a decoder that adds its latent.

After "MuseTok: Symbolic Music Tokenization for Generation and Semantic Understanding" (arXiv 2510.16273): post-norm
transformers; the encoder reads each bar alone, and its output at the bar's first token is the bar.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.simvq import ResidualSimVQ
from sonoscope.settings.musetok import Geometry

_ALWAYS_READ = 2
"""Positions at a bar's start that are read even where they are padding, so that an empty row gives numbers."""


class MuseTok(nn.Module):
    """Bars of tokens to vectors and codes, and back.

    Shapes: ``tokens[bars, length]`` padded with `vocabulary.PAD`; ``latents[bars, dim_latent]``.
    """

    def __init__(self, geometry: Geometry) -> None:
        super().__init__()
        g = self.geometry = geometry
        self.embedding = nn.Embedding(g.tokens, g.dim)
        self.encoder = nn.ModuleList(_layer(g) for _ in range(g.encoder_layers))
        self.to_latent = nn.Linear(g.dim, g.dim_latent)
        self.quantiser = ResidualSimVQ(g.codebooks, g.codes, g.dim_latent)
        self.from_latent = nn.Linear(g.dim_latent, g.dim, bias=False)
        self.decoder = nn.ModuleList(_layer(g) for _ in range(g.decoder_layers))
        self.to_tokens = nn.Linear(g.dim, g.tokens)

    def embed(self, tokens: Tensor) -> Tensor:
        """Embeddings of tokens ``[batch, length]`` at their places, ``[batch, length, dim]``."""
        x = self.embedding(tokens) * math.sqrt(self.geometry.dim)
        x = x + sinusoids(tokens.shape[1], self.geometry.dim, x.device)
        return functional.dropout(x, self.geometry.dropout, self.training)

    def encode(self, tokens: Tensor) -> Tensor:
        """Encoder outputs of bars, ``[bars, dim]``; each depends on its own tokens alone."""
        padding = tokens == v.PAD
        padding[:, :_ALWAYS_READ] = False
        x = self.embed(tokens)
        for layer in self.encoder:
            x = layer(x, src_key_padding_mask=padding)
        return x[:, 0]

    def decode(self, tokens: Tensor, latents: Tensor, bar: Tensor) -> Tensor:
        """Logits of the token after each, ``[batch, length, tokens]``.

        Parameters
        ----------
        tokens : Tensor
            ``[batch, length]``, of several bars in a row; no token sees a later one.
        latents : Tensor
            ``[batch, bars, dim_latent]``.
        bar : Tensor
            ``[batch, length]``: which latent is added at each token.
        """
        added = self.from_latent(latents)
        added = added.gather(1, bar[..., None].expand(-1, -1, added.shape[-1]))
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1], device=tokens.device)
        x = self.embed(tokens)
        for layer in self.decoder:
            x = layer(x + added, src_mask=mask, is_causal=True)
        logits: Tensor = self.to_tokens(x)
        return logits


def _layer(g: Geometry) -> nn.TransformerEncoderLayer:
    return nn.TransformerEncoderLayer(g.dim, g.heads, g.dim_feedforward, g.dropout, batch_first=True)


def sinusoids(length: int, dim: int, device: torch.device | None = None) -> Tensor:
    """Fixed positions ``[length, dim]``: sines and cosines by turns, wavelengths from 2π to 10000·2π."""
    place = torch.arange(length, device=device, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, dim, 2, device=device, dtype=torch.float32) * (-math.log(10000.0) / dim))
    return torch.stack([torch.sin(place * rate), torch.cos(place * rate)], -1).flatten(1)


@torch.no_grad()
def initialise(model: MuseTok, seed: int) -> MuseTok:
    """Give random weights: small Gaussians as the published model starts from, codebooks of unit expected norm."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.state_dict().items()):
        if name.endswith("frozen_codebook"):
            parameter.normal_(0, parameter.shape[1] ** -0.5, generator=generator)
        elif name.endswith("code_transform.weight"):
            bound = parameter.shape[1] ** -0.5
            parameter.uniform_(-bound, bound, generator=generator)
        elif "norm" in name:
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
        elif name.endswith("bias"):
            parameter.zero_()
        elif name == "embedding.weight":
            parameter.normal_(0, 0.5 * parameter.shape[1] ** -0.5, generator=generator)
        else:
            parameter.normal_(0, parameter.shape[1] ** -0.5, generator=generator)
    return model
