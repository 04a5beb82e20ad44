"""MusicGen's delay pattern: codebook k of a frame is predicted k steps after codebook 0 (Copet et al. 2023, §2.2).

In a delayed sequence, column 0 holds the special token alone, and column s holds codebook k of frame s - 1 - k where
there is such a frame, the special token elsewhere.
"""

import torch
from torch import Tensor


def delay(tokens: Tensor, special: int) -> Tensor:
    """Delayed sequence ``[B, K, T + K]`` of tokens ``[B, K, T]``."""
    batch, codebooks, frames = tokens.shape
    sequence = tokens.new_full((batch, codebooks, frames + codebooks), special)
    for k in range(codebooks):
        sequence[:, k, k + 1 : k + 1 + frames] = tokens[:, k]
    return sequence


def undelay(sequence: Tensor) -> Tensor:
    """Tokens ``[B, K, T]`` of a delayed sequence ``[B, K, T + K]``; also of anything else that has such columns."""
    codebooks = sequence.shape[1]
    frames = sequence.shape[2] - codebooks
    return torch.stack([sequence[:, k, k + 1 : k + 1 + frames] for k in range(codebooks)], dim=1)


def is_token(codebooks: int, frames: int) -> Tensor:
    """Where a delayed sequence holds tokens of frames, ``[K, T + K]`` of bool."""
    frame = torch.arange(frames + codebooks)[None] - 1 - torch.arange(codebooks)[:, None]
    return (frame >= 0) & (frame < frames)
