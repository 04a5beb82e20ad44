"""Low-rank adapters on any two-dimensional weight, bare parameters included: W + (α/r) B A (Hu et al. 2021)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sonoscope.attribution.errors import AttributionError

ALPHA = 2.0
"""α in units of the rank: the adapter's product is scaled by α/r = 2."""


class Adapter(nn.Module):
    """Adds the product of two thin matrices to a weight."""

    def __init__(self, weight: Tensor, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        out, inner = weight.shape
        down = torch.randn(rank, inner, generator=generator) / inner**0.5
        self.down = nn.Parameter(down.to(weight))
        self.up = nn.Parameter(weight.new_zeros(out, rank))

    def forward(self, weight: Tensor) -> Tensor:
        """The adapted weight."""
        return weight + ALPHA * self.up @ self.down


def targets(lm: nn.Module) -> list[str]:
    """Names of the matrices of the transformer's layers, to which adapters are put."""
    return [name for name, p in lm.named_parameters() if name.startswith("transformer.layers.") and p.dim() == 2]


def attach(lm: nn.Module, rank: int, generator: torch.Generator) -> dict[str, Adapter]:
    """Put an adapter on each target; all else is frozen. Returns the adapters by the name of their weight."""
    names = targets(lm)
    if not names:
        raise AttributionError("lora: found no matrix in the layers of this model to put an adapter on")
    lm.requires_grad_(False)
    adapters: dict[str, Adapter] = {}
    for name in names:
        module, _, attribute = name.rpartition(".")
        owner = lm.get_submodule(module)
        adapters[name] = Adapter(getattr(owner, attribute), rank, generator)
        parametrize.register_parametrization(owner, attribute, adapters[name])
    return adapters


def merge(lm: nn.Module, names: Mapping[str, object]) -> None:
    """Take the adapters off; the weights keep what they added."""
    for name in names:
        module, _, attribute = name.rpartition(".")
        parametrize.remove_parametrizations(lm.get_submodule(module), attribute, leave_parametrized=True)


def tensors_of(adapters: Mapping[str, Adapter]) -> dict[str, Tensor]:
    """What is kept of adapters: ``{weight}.lora_down`` and ``{weight}.lora_up``."""
    out: dict[str, Tensor] = {}
    for name, adapter in adapters.items():
        out[f"{name}.lora_down"] = adapter.down.detach().clone()
        out[f"{name}.lora_up"] = adapter.up.detach().clone()
    return out


def pairs_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Adapters ``(down, up)`` by the name of their weight, from what `tensors_of` gave."""
    names = [n.removesuffix(".lora_down") for n in tensors if n.endswith(".lora_down")]
    return {name: (tensors[f"{name}.lora_down"], tensors[f"{name}.lora_up"]) for name in names}
