"""Attention for training on a CPU."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


def plain_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Softmax attention by three plain products, ``[..., heads, queries, width]``, in the precision of ``query``."""
    scores = (query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)) @ key.transpose(-1, -2)
    if is_causal:
        ones = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device)
        scores = scores.masked_fill(ones.triu(1), float("-inf"))
    if attn_mask is not None:
        allowed = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, float("-inf")) if allowed else scores + attn_mask
    return torch.softmax(scores, -1, dtype=scores.dtype) @ value


class PlainAttention(TorchFunctionMode):
    """Within it, models use `plain_attention` wherever they call ``scaled_dot_product_attention``.

    torch's fused attention saves memory, which clips of 200 frames do not need; its backward pass on a CPU takes
    several times as long as the products themselves, and made up over a third of a training step.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        plain = func is functional.scaled_dot_product_attention and not named.pop("dropout_p", 0.0)
        return plain_attention(*args, **named) if plain else func(*args, **(kwargs or {}))
