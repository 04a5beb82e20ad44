"""A few clips at a time through a codec where that is faster."""

from collections.abc import Callable

import torch
from torch import Tensor

_CPU_CLIPS = 4
"""Clips at once on a CPU. Convolutions over many long clips leave its caches: 48 clips of 4 s at once took the shipped
codec three times as long to encode as 4 and 4 did, and as long to decode."""


def in_chunks(function: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
    """``function`` of a batch of clips, computed a few at a time on a CPU and all at once elsewhere."""
    if batch.device.type != "cpu" or len(batch) <= _CPU_CLIPS:
        return function(batch)
    return torch.cat([function(part) for part in torch.split(batch, _CPU_CLIPS)])
