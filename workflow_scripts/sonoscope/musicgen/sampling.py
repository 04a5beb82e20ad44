"""Drawing tokens from logits, one generator per clip."""

from collections.abc import Sequence

import torch
from torch import Tensor

from sonoscope.musicgen.interface import Sampling
from sonoscope.streaming import to_card

_CHUNK = 32  # decode steps whose noise is drawn at once; bounds memory at large cardinality


class TokenSampler:
    """Draws one token per clip and codebook at each step.

    A categorical draw is the arg-max of probabilities divided by exponential noise. The noise of each row comes from
    its own generator, in an order that depends on nothing else, so a clip does not depend on the batch it is drawn in.
    """

    def __init__(self, sampling: Sampling, seeds: Sequence[int], codebooks: int, cardinality: int) -> None:
        self.sampling = sampling
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.shape = (codebooks, cardinality)
        self.noise = torch.empty(0)
        self.used = _CHUNK

    def __call__(self, logits: Tensor) -> Tensor:
        """Tokens ``[B, K]`` from logits ``[B, K, cardinality]``."""
        if self.sampling.top_k == 1 or self.sampling.temperature <= 0:
            return logits.argmax(-1)
        if self.used == _CHUNK:
            rows = [torch.empty(_CHUNK, *self.shape).exponential_(generator=g) for g in self.generators]
            self.noise = to_card(torch.stack(rows), logits.device)  # [B, chunk, K, cardinality]
            self.used = 0
        noise = self.noise[:, self.used]
        self.used += 1
        scaled = logits.float() / self.sampling.temperature
        top_k, entries = self.sampling.top_k, scaled.shape[-1]
        if 0 < top_k < entries:
            from_below = entries - top_k + 1  # the same value, sought from the end that is nearer
            count, largest = (top_k, True) if top_k <= from_below else (from_below, False)
            least = scaled.topk(count, dim=-1, largest=largest).values[..., -1:]
            scaled = scaled.masked_fill(scaled < least, -torch.inf)
        return (scaled.softmax(-1) / noise).argmax(-1)
