"""audiocraft's MusicGen language model as transformers' MusicgenForCausalLM: the same computation under other names."""

import re
from collections.abc import Mapping

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor
from transformers import MusicgenDecoderConfig

from sonoscope.errors import SonoscopeError

_EXPECTED: dict[str, object] = {
    "transformer_lm.norm_first": True,
    "transformer_lm.norm": "layer_norm",
    "transformer_lm.positional_embedding": "sin",
    "transformer_lm.causal": True,
    "transformer_lm.bias_ff": False,
    "transformer_lm.bias_attn": False,
    "transformer_lm.bias_proj": False,
    "transformer_lm.layer_scale": None,
    "transformer_lm.past_context": None,
    "transformer_lm.qk_layer_norm": False,
    "transformer_lm.qk_layer_norm_cross": False,
    "transformer_lm.kv_repeat": 1,
    "codebooks_pattern.modeling": "delay",
    "fuser.cross_attention_pos_emb": False,
    "fuser.cross": ["description"],
    "fuser.sum": [],
    "fuser.prepend": [],
    "fuser.input_interpolate": [],
}
"""What transformers' MusicGen takes for granted."""

_IN_A_LAYER = {
    "norm1": "self_attn_layer_norm",
    "norm_cross": "encoder_attn_layer_norm",
    "norm2": "final_layer_norm",
    "linear1": "fc1",
    "linear2": "fc2",
    "self_attn.out_proj": "self_attn.out_proj",
    "cross_attention.out_proj": "encoder_attn.out_proj",
}
_ATTENTION = {"self_attn": "self_attn", "cross_attention": "encoder_attn"}
_TEXT_PROJECTION = "condition_provider.conditioners.description.output_proj."


class ConversionError(SonoscopeError, ValueError):
    """A model that one backend has and the other cannot express, or weights of another shape than expected."""


def check_settings(config: DictConfig, expected: Mapping[str, object], what: str) -> None:
    """Compare settings of an audiocraft configuration with those that transformers can express.

    Raises
    ------
    ConversionError
        One differs; a setting that is absent has audiocraft's default, which is the expected one.
    """
    for name, wanted in expected.items():
        found = OmegaConf.select(config, name, default=wanted)
        found = OmegaConf.to_container(found) if OmegaConf.is_config(found) else found
        if found != wanted:
            raise ConversionError(
                f"{what}: the transformers backend needs {name} = {wanted!r}, found {found!r}; use backend audiocraft"
            )


def decoder_config(config: DictConfig) -> MusicgenDecoderConfig:
    """Shape of the language model of an audiocraft configuration.

    Raises
    ------
    ConversionError
        transformers cannot express it.
    """
    check_settings(config, _EXPECTED, "language model")
    lm = config.transformer_lm
    delays = list(OmegaConf.select(config, "codebooks_pattern.delay.delays", default=list(range(lm.n_q))))
    if delays != list(range(lm.n_q)):
        raise ConversionError(f"language model: expected delays {list(range(lm.n_q))}, found {delays}")
    return MusicgenDecoderConfig(
        vocab_size=lm.card,
        hidden_size=lm.dim,
        num_hidden_layers=lm.num_layers,
        num_attention_heads=lm.num_heads,
        ffn_dim=int(lm.get("hidden_scale", 4) * lm.dim),
        activation_function=lm.get("activation", "relu"),
        num_codebooks=lm.n_q,
        audio_channels=1,
        pad_token_id=lm.card,
        bos_token_id=lm.card,
        dropout=0.0,
    )


def language_model_state(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights of MusicgenForCausalLM, and those of the projection of text states, from audiocraft's state dict.

    Raises
    ------
    ConversionError
        A weight has no counterpart.
    """
    decoder: dict[str, Tensor] = {}
    projection: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.startswith(_TEXT_PROJECTION):
            projection[name.removeprefix(_TEXT_PROJECTION)] = value.float()
        else:
            decoder.update(_renamed(name, value.float()))
    return decoder, projection


def _renamed(name: str, value: Tensor) -> dict[str, Tensor]:
    if match := re.fullmatch(r"emb\.(\d+)\.weight", name):
        return {f"model.decoder.embed_tokens.{match[1]}.weight": value}
    if match := re.fullmatch(r"linears\.(\d+)\.weight", name):
        return {f"lm_heads.{match[1]}.weight": value}
    if match := re.fullmatch(r"out_norm\.(weight|bias)", name):
        return {f"model.decoder.layer_norm.{match[1]}": value}
    if match := re.fullmatch(r"transformer\.layers\.(\d+)\.(.+)", name):
        layer = f"model.decoder.layers.{match[1]}"
        if inner := re.fullmatch(r"(self_attn|cross_attention)\.in_proj_weight", match[2]):
            # audiocraft stacks queries, keys and values in one matrix [3 D, D]
            parts = zip("qkv", torch.chunk(value, 3), strict=True)
            return {f"{layer}.{_ATTENTION[inner[1]]}.{which}_proj.weight": part.clone() for which, part in parts}
        module, _, kind = match[2].rpartition(".")
        if module in _IN_A_LAYER:
            return {f"{layer}.{_IN_A_LAYER[module]}.{kind}": value}
    raise ConversionError(f"language model: {name} has no counterpart in transformers; use backend audiocraft")
