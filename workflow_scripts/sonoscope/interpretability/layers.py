"""Which layers are looked at, and what they are called."""

import re
from collections.abc import Iterable, Sequence

from sonoscope.errors import SonoscopeError
from sonoscope.musicgen.interface import LayerError

LayerChoice = str | Sequence[int] | None
"""``"all"`` (or None), ``"auto5"``, numbers such as ``"0,6,12,18,24"``, or a sequence of numbers."""


class CaptureError(SonoscopeError, ValueError):
    """A capture that was asked for what it does not hold."""


def choose_layers(choice: LayerChoice, num_layers: int) -> tuple[int, ...]:
    """Layers that ``choice`` names in a model of ``num_layers`` layers, counted from 0.

    ``auto5`` goes by relative depth (first, a quarter, half, three quarters, last), so that it spans every model:
    0, 6, 12, 18, 23 of MusicGen-small, and 0, 12, 24, 36, 47 of MusicGen-large, which has 48 layers.

    Raises
    ------
    LayerError
        A layer that the model does not have, or something that is not a choice of layers.
    """
    if choice is None or choice == "all":
        return tuple(range(num_layers))
    if choice == "auto5":
        quarters = [min(num_layers * k // 4, num_layers - 1) for k in range(5)]
        return tuple(dict.fromkeys(quarters))
    if isinstance(choice, str):
        if not re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", choice):
            raise LayerError(f"layers: expected all, auto5 or numbers such as 0,6,12, found {choice!r}")
        choice = [int(number) for number in choice.split(",")]
    wrong = [layer for layer in choice if not 0 <= layer < num_layers]
    if wrong:
        raise LayerError(
            f"layers: the model has {num_layers} layers, 0 to {num_layers - 1}; found {wrong[0]}. "
            "Use auto5 for five layers at equal relative depth"
        )
    return tuple(choice)


def layer_name(layer: int) -> str:
    """Name of a layer's hidden state, such as layer_12."""
    return f"layer_{layer}"


def natural_order(names: Iterable[str]) -> list[str]:
    """Names in the order of their numbers: layer_6 comes before layer_12."""
    return sorted(names, key=lambda name: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name)])
