"""Bars as vectors and codes. Bars of any files share batches, and equal bars are encoded once.

The published code encodes stretches of sixteen bars. For latents the stretches make no difference, because no bar sees
another: sorting all bars by length gives the same numbers with less padding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.logs import Progress
from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.model import MuseTok

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Latents:
    """Bars in the order in which they were given."""

    dequantised: Floats
    """Sum of the chosen code vectors, ``(bars, dim_latent)``: what the published code calls the latent."""
    prequantised: Floats
    """The vector before quantisation, ``(bars, dim_latent)``."""
    encoder: Floats
    """The encoder's output before the bottleneck, ``(bars, dim)``."""
    codes: NDArray[np.int32]
    """Chosen code of every level, ``(bars, codebooks)``."""
    distinct: int
    """Bars that were really encoded; the others repeat one of them."""


@torch.no_grad()
def encode_bars(model: MuseTok, bars: Sequence[NDArray[np.int16]], batch_tokens: int = 16384) -> Latents:
    """Encode bars of any pieces.

    Parameters
    ----------
    model : MuseTok
        On the device that it is to run on.
    bars : sequence of arrays
        Token ids of each bar.
    batch_tokens : int
        Tokens per batch, padding included.
    """
    keys = [bar.tobytes() for bar in bars]
    place = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    distinct = [np.frombuffer(key, np.int16) for key in place]
    g = model.geometry
    encoder = np.zeros((len(distinct), g.dim), np.float32)
    before, after = (np.zeros((len(distinct), g.dim_latent), np.float32) for _ in range(2))
    codes = np.zeros((len(distinct), g.codebooks), np.int32)
    with Progress(len(distinct), "distinct bars") as progress:
        for rows in batches([len(bar) for bar in distinct], batch_tokens):
            hidden = model.encode(pad([distinct[r] for r in rows]).to(model.embedding.weight.device))
            vectors = model.to_latent(hidden)
            quantised = model.quantiser(vectors)
            for array, tensor in zip(
                (encoder, before, after, codes), (hidden, vectors, quantised.output, quantised.codes), strict=True
            ):
                array[rows] = tensor.cpu().numpy()
            progress.advance(len(rows))
    back = np.array([place[key] for key in keys], np.int64)
    return Latents(after[back], before[back], encoder[back], codes[back], len(distinct))


def batches(lengths: Sequence[int], batch_tokens: int) -> list[NDArray[np.int64]]:
    """Rows of every batch: rows of like length together, at most ``batch_tokens`` with padding, always at least one."""
    order = np.argsort(np.asarray(lengths, np.int64), kind="stable")
    found: list[NDArray[np.int64]] = []
    first = 0
    for k, row in enumerate(order.tolist()):
        if k > first and (k + 1 - first) * lengths[row] > batch_tokens:
            found.append(order[first:k])
            first = k
    return [*found, order[first:]] if len(order) else []


def pad(bars: Sequence[NDArray[np.int16]]) -> Tensor:
    """Bars as one tensor ``[bars, length]``, filled up with `vocabulary.PAD`."""
    rows = [torch.from_numpy(bar.astype(np.int64)) for bar in bars]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=v.PAD)
