"""The weights of a MusicGen's language model by their role, whichever library holds them.

Axes: ``D`` width, ``H`` heads, ``K`` codebooks. Matrices have PyTorch's orientation, ``[out, in]``. Nothing is copied
that a library already holds in this form, so fine-tuned and adapted weights are seen as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

Affine = tuple[Tensor, Tensor | None]
"""A matrix and its bias, if it has one; or scale and shift of a normalisation."""


@dataclass(frozen=True)
class Block:
    """One block: self-attention, attention to the text, and two layers, each added to what it read normalised."""

    self_norm: Affine
    qkv: Affine
    """``[3D, D]``: queries, keys, values."""
    self_out: Affine
    cross_norm: Affine
    cross_q: Affine
    cross_kv: Affine
    """``[2D, D]``: keys, values."""
    cross_out: Affine
    feed_norm: Affine
    up: Affine
    down: Affine


@dataclass(frozen=True)
class Network:
    """All that one decode step needs."""

    embeddings: tuple[Tensor, ...]
    """Per codebook ``[cardinality + 1, D]``; the last row is the special token's."""
    places: Tensor
    """What is added at each position, ``[positions, D]``."""
    blocks: tuple[Block, ...]
    norm: Affine | None
    outputs: tuple[Affine, ...]
    """Per codebook ``[cardinality, D]``."""
    heads: int
    eps: float
    """Of every normalisation."""


def affine(module: Any) -> Affine:
    """Weight and bias of a linear layer or a normalisation."""
    return module.weight, module.bias


def from_audiocraft(lm: Any, positions: int) -> Network | None:
    """The network of audiocraft's `LMModel`; None where it has parts that `sonoscope.musicgen.decoder` has not."""
    from audiocraft.modules.transformer import create_sin_embedding

    transformer = lm.transformer
    fused = {name for name, conditions in lm.fuser.fuse2cond.items() if conditions}
    plain = transformer.positional_embedding == "sin" and all(_plain_layer(layer) for layer in transformer.layers)
    if not plain or fused != {"cross"}:
        return None
    like = lm.emb[0].weight
    place = torch.arange(positions, device=like.device).view(1, -1, 1)
    table = create_sin_embedding(place, lm.dim, max_period=transformer.max_period, dtype=like.dtype)[0]
    return Network(
        embeddings=tuple(e.weight for e in lm.emb),
        places=transformer.positional_scale * table,
        blocks=tuple(_audiocraft_block(layer, lm.dim) for layer in transformer.layers),
        norm=affine(lm.out_norm) if lm.out_norm else None,
        outputs=tuple(affine(linear) for linear in lm.linears),
        heads=transformer.layers[0].self_attn.num_heads,
        eps=transformer.layers[0].norm1.eps,
    )


def _plain_layer(layer: Any) -> bool:
    own, cross = layer.self_attn, layer.cross_attention
    return (
        layer.norm_first
        and cross is not None
        and all(a.custom and a.kv_repeat == 1 and not a.qk_layer_norm for a in (own, cross))
        and own.rope is None
        and own.past_context is None
        and isinstance(layer.layer_scale_1, nn.Identity)
        and layer.activation is fn.gelu
        and len({layer.norm1.eps, layer.norm2.eps, layer.norm_cross.eps}) == 1
    )


def _audiocraft_block(layer: Any, dim: int) -> Block:
    own, cross = layer.self_attn, layer.cross_attention
    weight, bias = cross.in_proj_weight, cross.in_proj_bias
    return Block(
        self_norm=affine(layer.norm1),
        qkv=(own.in_proj_weight, own.in_proj_bias),
        self_out=affine(own.out_proj),
        cross_norm=affine(layer.norm_cross),
        cross_q=(weight[:dim], None if bias is None else bias[:dim]),
        cross_kv=(weight[dim:], None if bias is None else bias[dim:]),
        cross_out=affine(cross.out_proj),
        feed_norm=affine(layer.norm2),
        up=affine(layer.linear1),
        down=affine(layer.linear2),
    )


def from_transformers(decoder: Any, positions: int) -> Network | None:
    """The network of transformers' `MusicgenForCausalLM`; None as in `from_audiocraft`."""
    inner, config = decoder.model.decoder, decoder.config
    if config.activation_function != "gelu" or inner.embed_scale != 1.0:
        return None
    like = inner.embed_tokens[0].weight
    table = inner.embed_positions
    if positions > table.weights.size(0):
        table.make_weights(positions + table.offset, table.embedding_dim)
    return Network(
        embeddings=tuple(e.weight for e in inner.embed_tokens),
        places=table.weights[:positions].to(like),
        blocks=tuple(_transformers_block(layer) for layer in inner.layers),
        norm=affine(inner.layer_norm),
        outputs=tuple(affine(head) for head in decoder.lm_heads),
        heads=config.num_attention_heads,
        eps=inner.layer_norm.eps,
    )


def _transformers_block(layer: Any) -> Block:
    own, cross = layer.self_attn, layer.encoder_attn
    return Block(
        self_norm=affine(layer.self_attn_layer_norm),
        qkv=_joined([own.q_proj, own.k_proj, own.v_proj]),
        self_out=affine(own.out_proj),
        cross_norm=affine(layer.encoder_attn_layer_norm),
        cross_q=affine(cross.q_proj),
        cross_kv=_joined([cross.k_proj, cross.v_proj]),
        cross_out=affine(cross.out_proj),
        feed_norm=affine(layer.final_layer_norm),
        up=affine(layer.fc1),
        down=affine(layer.fc2),
    )


def _joined(linears: Sequence[Any]) -> Affine:
    weight = torch.cat([one.weight for one in linears])
    return weight, None if linears[0].bias is None else torch.cat([one.bias for one in linears])
