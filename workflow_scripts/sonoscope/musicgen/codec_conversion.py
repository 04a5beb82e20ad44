"""audiocraft's EnCodec as transformers' EncodecModel: the same computation under other names."""

import math
import re
from collections.abc import Mapping

import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor
from transformers import EncodecConfig

from sonoscope.musicgen.lm_conversion import ConversionError, check_settings

_EXPECTED: dict[str, object] = {
    "compression_model": "encodec",
    "encodec.autoencoder": "seanet",
    "encodec.quantizer": "rvq",
    "encodec.renormalize": False,
    "encodec.channels": 1,
    "seanet.activation": "ELU",
    "seanet.activation_params": {"alpha": 1.0},
    "seanet.disable_norm_outer_blocks": 0,
    "seanet.decoder.final_activation": None,
}
"""What transformers' EnCodec takes for granted."""

_NORMS = ("weight_norm", "time_group_norm")
_HALVES = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
"""Weight normalisation by a hook, as audiocraft has it, and by a parametrisation, as transformers has it."""


def encodec_config(config: DictConfig) -> EncodecConfig:
    """Shape of the codec of an audiocraft configuration.

    transformers' EnCodec always has recurrent layers; a codec without gets one whose weights are zero, which adds
    nothing to its skip connection and so is exact.

    Raises
    ------
    ConversionError
        transformers cannot express it.
    """
    check_settings(config, _EXPECTED, "codec")
    net, quantiser, rate = config.seanet, config.rvq, int(config.encodec.sample_rate)
    if net.norm not in _NORMS:
        raise ConversionError(f"codec: the transformers backend needs seanet.norm in {_NORMS}, found {net.norm!r}")
    bits, frames = math.ceil(math.log2(quantiser.bins)), math.ceil(rate / math.prod(net.ratios))
    return EncodecConfig(
        target_bandwidths=[quantiser.n_q * bits * frames / 1000],
        sampling_rate=rate,
        audio_channels=1,
        normalize=False,
        hidden_size=net.dimension,
        num_filters=net.n_filters,
        num_residual_layers=net.n_residual_layers,
        upsampling_ratios=list(net.ratios),
        norm_type=net.norm,
        kernel_size=net.get("kernel_size", 7),
        last_kernel_size=net.get("last_kernel_size", 7),
        residual_kernel_size=net.get("residual_kernel_size", 3),
        dilation_growth_rate=net.get("dilation_base", 2),
        use_causal_conv=net.get("causal", False),
        pad_mode=net.get("pad_mode", "reflect"),
        compress=net.get("compress", 2),
        num_lstm_layers=max(1, net.get("lstm", 0)),
        trim_right_ratio=OmegaConf.select(net, "decoder.trim_right_ratio", default=1.0),
        codebook_size=quantiser.bins,
        codebook_dim=net.dimension,
        use_conv_shortcut=not net.get("true_skip", True),
    )


def codec_state(state: Mapping[str, Tensor], config: DictConfig) -> dict[str, Tensor]:
    """Weights of EncodecModel from audiocraft's state dict.

    Raises
    ------
    ConversionError
        A weight has no counterpart.
    """
    net = config.seanet
    absent = {} if net.get("lstm", 0) else _positions_of_lstm(net)
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        out[_renamed(name, absent)] = value.float()
    for part, position in absent.items():
        out.update(_silent_lstm(f"{part}.layers.{position}.lstm", net.n_filters * 2 ** len(net.ratios)))
    return out


def _positions_of_lstm(net: DictConfig) -> dict[str, int]:
    """Where transformers has the recurrent layer in the encoder and the decoder."""
    return {"encoder": 1 + len(net.ratios) * (net.n_residual_layers + 2), "decoder": 1}


def _renamed(name: str, absent: Mapping[str, int]) -> str:
    if match := re.fullmatch(r"quantizer\.vq\.layers\.(\d+)\._codebook\.(\w+)", name):
        return f"quantizer.layers.{match[1]}.codebook.{match[2]}"
    if match := re.fullmatch(r"(encoder|decoder)\.model\.(\d+)\.(.+)", name):
        part, position, rest = match[1], int(match[2]), match[3]
        if part in absent and position >= absent[part]:
            position += 1
        rest = re.sub(r"conv(tr)?\.conv(tr)?\.", "conv.", rest).replace("conv.norm.", "norm.")
        module, _, kind = rest.rpartition(".")
        return f"{part}.layers.{position}.{module}.{_HALVES.get(kind, kind)}"
    raise ConversionError(f"codec: {name} has no counterpart in transformers; use backend audiocraft")


def _silent_lstm(name: str, width: int) -> dict[str, Tensor]:
    gates = 4 * width
    shapes: dict[str, tuple[int, ...]] = {
        "weight_ih_l0": (gates, width), "weight_hh_l0": (gates, width), "bias_ih_l0": (gates,), "bias_hh_l0": (gates,),
    }  # fmt: skip
    return {f"{name}.{kind}": torch.zeros(shape) for kind, shape in shapes.items()}
