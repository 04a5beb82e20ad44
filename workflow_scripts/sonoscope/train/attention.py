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
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    shape = *query.shape[:-1], key.shape[-2]
    queries, keys = query.flatten(0, -3), key.flatten(0, -3).transpose(1, 2)
    if is_causal:  # the mask is added by the product itself
        scores = torch.baddbmm(_later(query, key), queries, keys, alpha=factor).view(shape)
    else:
        scores = torch.bmm(queries * factor, keys).view(shape)
    if attn_mask is not None:
        allowed = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, float("-inf")) if allowed else scores + attn_mask
    return torch.softmax(scores, -1, dtype=scores.dtype) @ value


def _later(query: Tensor, key: Tensor) -> Tensor:
    """What hides the future, ``[queries, keys]``: minus infinity above the diagonal, else 0."""
    shape = query.shape[-2], key.shape[-2]
    return torch.full(shape, float("-inf"), device=query.device, dtype=query.dtype).triu(1)


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
