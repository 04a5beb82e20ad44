"""State dicts with the published checkpoint's names and shapes, of any size."""

import torch


def layer(dim, feedforward, prefix):
    shapes = {
        "self_attn.in_proj_weight": (3 * dim, dim),
        "self_attn.in_proj_bias": (3 * dim,),
        "self_attn.out_proj.weight": (dim, dim),
        "self_attn.out_proj.bias": (dim,),
        "linear1.weight": (feedforward, dim),
        "linear1.bias": (feedforward,),
        "linear2.weight": (dim, feedforward),
        "linear2.bias": (dim,),
        "norm1.weight": (dim,),
        "norm1.bias": (dim,),
        "norm2.weight": (dim,),
        "norm2.bias": (dim,),
    }
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


def shapes(dim=512, feedforward=2048, layers=12, latent=128, levels=16, codes=2048, tokens=168, positions=20480):
    found = {
        "token_emb.emb_lookup.weight": (tokens, dim),
        "pe.pe": (positions, 1, dim),
        **layer(dim, feedforward, "encoder.tr_encoder_layer"),
        "enc_out_proj.weight": (latent, dim),
        "enc_out_proj.bias": (latent,),
        "decoder.seg_emb_proj.weight": (dim, latent),
        "dec_out_proj.weight": (tokens, dim),
        "dec_out_proj.bias": (tokens,),
    }
    for k in range(layers):
        found |= layer(dim, feedforward, f"encoder.tr_encoder.layers.{k}")
        found |= layer(dim, feedforward, f"decoder.decoder_layers.{k}")
    for k in range(levels):
        found[f"residual_sim_vq.layers.{k}.frozen_codebook"] = (codes, latent)
        found[f"residual_sim_vq.layers.{k}.code_transform.weight"] = (latent, latent)
    return found


def small(**changes):
    size = {"dim": 16, "feedforward": 32, "layers": 3, "latent": 8, "levels": 4, "codes": 20, "positions": 64} | changes
    generator = torch.Generator().manual_seed(0)
    return {name: 0.3 * torch.randn(shape, generator=generator) for name, shape in shapes(**size).items()}
