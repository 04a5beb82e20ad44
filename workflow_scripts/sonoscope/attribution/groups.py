"""Groups of parameters by name: which part of the model's gradient is embedded."""

import re
from collections.abc import Callable, Iterable
from typing import Literal

from sonoscope.attribution.errors import AttributionError

Group = Literal["all", "attention", "self_attention", "cross_attention", "feed_forward", "heads", "no_text", "lora"]

_LAYER = re.compile(r"transformer\.layers\.(\d+)\.")
_PATTERNS: dict[str, str] = {
    "all": r"",
    "lora": r"",
    "attention": r"\.(self_attn|cross_attention)\.",
    "self_attention": r"\.self_attn\.",
    "cross_attention": r"\.cross_attention\.",
    "feed_forward": r"\.linear[12]\.",
    "heads": r"^linears\.",
    "no_text": r"^(?!.*(cross_attention|norm_cross|condition_provider))",
}


def selector(group: str, last_layers: int | None, names: Iterable[str]) -> Callable[[str], bool]:
    """Whether a parameter belongs to ``group``, restricted to the last layers if their number is given.

    Parameters outside of the layers (embeddings, heads) belong to "all" but not to a number of last layers.

    Raises
    ------
    AttributionError
        No parameter does.
    """
    names = list(names)
    pattern = re.compile(_PATTERNS[group])
    layers = {int(m[1]) for name in names if (m := _LAYER.search(name))}
    first = max(layers, default=-1) + 1 - last_layers if last_layers is not None else None

    def chosen(name: str) -> bool:
        layer = _LAYER.search(name)
        deep = first is None or (layer is not None and int(layer[1]) >= first)
        return deep and pattern.search(name) is not None

    if not any(map(chosen, names)):
        raise AttributionError(f"parameters: the model has none in group {group!r} with last_layers {last_layers}")
    return chosen
