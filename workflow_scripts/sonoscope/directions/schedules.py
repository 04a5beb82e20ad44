"""How the strength of an injection changes over a clip.

A schedule is a function of the decode step. There is one clock: it counts each decode step, whether or not the gate let
that step's injection through (the published code stops the clock when the gate is shut, which at p = 0.3 makes a decay
3.3 times too slow).
"""

import importlib
import math
import re
from collections.abc import Callable
from typing import Any

from sonoscope.directions.errors import DirectionError

Schedule = Callable[[int], float]

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def constant() -> Schedule:
    """φ(t) = 1."""
    return lambda step: 1.0


def exponential_decay(rate: float = 0.998) -> Schedule:
    """φ(t) = rate^t; at 50 steps per second the default halves every 6.9 s."""
    return lambda step: float(rate**step)


def linear_decay(steps: int = 1500) -> Schedule:
    """φ(t) = 1 - t / steps, 0 from there on."""
    return lambda step: 1.0 - min(max(step / steps, 0.0), 1.0)


def linear_rise(steps: int = 1500) -> Schedule:
    """φ(t) = t / steps, 1 from there on."""
    return lambda step: min(max(step / steps, 0.0), 1.0)


def logistic(middle: float = 750.0, width: float = 200.0) -> Schedule:
    """φ(t) = 1 / (1 + exp(-(t - middle) / width)): a soft rise around ``middle`` steps."""
    return lambda step: 0.5 * (1.0 + math.tanh((step - middle) / (2.0 * width)))


def sine(period: float = 1500.0) -> Schedule:
    """φ(t) = (1 + sin(2π t / period)) / 2."""
    return lambda step: 0.5 * (1.0 + math.sin(2.0 * math.pi * step / period))


_NAMED: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "exponential_decay": exponential_decay,
    "linear_decay": linear_decay,
    "linear_rise": linear_rise,
    "logistic": logistic,
    "sine": sine,
}


def schedule(name: str, **parameters: float) -> Schedule:
    """Schedule by name, or the user's own as "package.module:function".

    A user's function takes the decode step (and ``parameters`` as keywords) and returns a finite number. It is
    imported, never evaluated from text.

    Raises
    ------
    DirectionError
        Unknown name, wrong parameter, a function that cannot be imported or called, or that returns anything but a
        finite number.
    """
    if ":" in name:
        return _own(name, parameters)
    if name not in _NAMED:
        raise DirectionError(
            f'schedule: expected one of {", ".join(_NAMED)} or "package.module:function", found {name!r}'
        )
    for key, value in parameters.items():
        if not math.isfinite(value) or value <= 0:
            raise DirectionError(f"schedule {name}: expected {key} > 0, found {value}")
    try:
        return _NAMED[name](**parameters)
    except TypeError as error:
        raise DirectionError(f"schedule {name}: {error}") from None


def _own(name: str, parameters: dict[str, float]) -> Schedule:
    if not _DOTTED.fullmatch(name):
        raise DirectionError(f'schedule: expected "package.module:function", found {name!r}')
    module_name, function_name = name.split(":")
    try:
        function: Any = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError) as error:
        raise DirectionError(f"schedule {name}: cannot be imported ({error}); is its folder on PYTHONPATH?") from None
    if not callable(function):
        raise DirectionError(
            f"schedule {name}: expected a function of the decode step, found {type(function).__name__}"
        )

    def checked(step: int) -> float:
        try:
            value = float(function(step, **parameters))
        except (TypeError, ValueError) as error:
            raise DirectionError(f"schedule {name}: expected a number at step {step}: {error}") from None
        if not math.isfinite(value):
            raise DirectionError(f"schedule {name}: expected a finite number at step {step}, found {value}")
        return value

    checked(0)
    return checked


def clip_long(name: str, steps: int) -> dict[str, float]:
    """Parameters of a named schedule that stand to ``steps`` as the published ones stand to 1500; none for others."""
    share = steps / 1500
    found: dict[str, dict[str, float]] = {
        "exponential_decay": {"rate": 0.998 ** (1 / share)},
        "linear_decay": {"steps": steps},
        "linear_rise": {"steps": steps},
        "logistic": {"middle": steps / 2, "width": 200 * share},
        "sine": {"period": float(steps)},
    }
    return found.get(name, {})
