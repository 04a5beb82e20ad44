"""Weights of this study's models: one safetensors file each, with all that is needed to use it in its header."""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import nn

from sonoscope.contracts.tensors import sort_header
from sonoscope.files import replacing


def write_weights(path: Path, model: nn.Module, header: Mapping[str, str]) -> None:
    """Write the state of ``model`` from the CPU, whole or not at all; equal weights give equal bytes."""
    with replacing(path) as temporary:
        weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
        save_file(weights, temporary, metadata=dict(header))
        sort_header(temporary)
