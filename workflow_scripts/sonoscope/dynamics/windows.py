"""Pairs of context and target from latent sequences. The one place where frames are counted."""

from typing import NamedTuple

import torch
from torch import Tensor


class Windows(NamedTuple):
    """Contexts and the one-step differences that they are to predict, over all valid frames of all sequences."""

    contexts: Tensor
    """[n, W, D]: frames t-k-W+1 … t-k, oldest first."""
    deltas: Tensor
    """[n, D]: x_t - x_{t-1}."""
    previous: Tensor
    """[n, D]: x_{t-1}, which a model at horizon k > 1 does not see."""
    sequence: Tensor
    """[n]: which sequence the row is from; resample these, not rows."""
    frame: Tensor
    """[n]: t."""


def windows(sequences: Tensor, window: int, horizon: int, first: int | None = None) -> Windows:
    """Cut ``sequences`` [N, T, D] for context window W and horizon k (the lag from context to target, from 1).

    Parameters
    ----------
    sequences : Tensor [N, T, D]
    window : int
        Frames of context, from 1.
    horizon : int
        1: the context ends at the frame before the target.
    first : int, optional
        First target frame; by default W-1+k. Curves over several horizons should share the largest.

    Raises
    ------
    ValueError
        The sequences are too short, or ``first`` has no full context.
    """
    if window < 1 or horizon < 1:
        raise ValueError(f"expected a window and a horizon of at least 1 frame, found {window} and {horizon}")
    earliest = window - 1 + horizon
    start = earliest if first is None else first
    count, frames, dim = sequences.shape
    if start < earliest or frames <= start:
        raise ValueError(
            f"window {window} at horizon {horizon} needs targets from frame {earliest} on, "
            f"found {frames} frames and a first target at {start}"
        )
    kept = frames - start
    offset = start - earliest
    contexts = sequences.unfold(1, window, 1)[:, offset : offset + kept].transpose(2, 3)  # [N, kept, W, D]
    deltas = sequences[:, start:] - sequences[:, start - 1 : -1]
    return Windows(
        contexts.reshape(-1, window, dim),
        deltas.reshape(-1, dim),
        sequences[:, start - 1 : -1].reshape(-1, dim),
        torch.arange(count).repeat_interleave(kept),
        torch.arange(start, frames).repeat(count),
    )
