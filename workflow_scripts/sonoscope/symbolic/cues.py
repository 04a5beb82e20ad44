"""From causes to valence and arousal, and back: the world's truth, linear in a few cues.

Each cue is a cause on a scale from -1 to 1. The weights follow the order of importance that Eerola, Friberg & Bresin
(2013, Frontiers in Psychology 4:487) found for factorial stimuli, mode > tempo > register > dynamics > articulation >
timbre, with effects additive, as there; that mode moves valence and not arousal follows Husain, Thompson & Schellenberg
(2002). Note density, which they did not vary, has a small share of arousal. The absolute weights of each dimension sum
to one, so that both stay in [-1, 1] without clipping.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sonoscope.symbolic.causes import (
    ARTICULATION_RANGE,
    DENSITY_RANGE,
    DRAWN,
    DYNAMICS_RANGE,
    REGISTERS,
    TEMPO_RANGE,
    Causes,
    Metre,
    Mode,
)

Quadrant = Literal["Q1", "Q2", "Q3", "Q4"]

CUES: tuple[str, ...] = ("mode", "tempo", "register", "dynamics", "articulation", "timbre", "density")
WEIGHTS: NDArray[np.float64] = np.array(
    [
        [0.60, 0.16, 0.12, -0.04, 0.06, 0.02, 0.00],  # valence
        [0.00, 0.32, 0.17, 0.24, 0.11, 0.06, 0.10],  # arousal
    ]
)
"""Weights of valence and arousal, shape (2, cues)."""

BRIGHTNESS: dict[int, float] = {
    0: 0.0, 4: -0.3, 11: -0.5, 16: 0.3, 24: -0.2, 33: -0.8, 40: 0.4, 48: -0.1, 56: 1.0, 65: 0.5, 73: -0.4, 81: 0.8,
}  # fmt: skip
"""Timbre cue by General-MIDI program; programs that are not listed are neutral."""


def _from_range(value: float, bounds: tuple[float, float]) -> float:
    return 2.0 * (value - bounds[0]) / (bounds[1] - bounds[0]) - 1.0


def _to_range(cue: float, bounds: tuple[float, float]) -> float:
    return bounds[0] + (cue + 1.0) / 2.0 * (bounds[1] - bounds[0])


def _log2(bounds: tuple[float, float]) -> tuple[float, float]:
    return math.log2(bounds[0]), math.log2(bounds[1])


def cues_of(causes: Causes) -> NDArray[np.float64]:
    """Cues of a piece, shape (cues,), each in [-1, 1]: high means major, fast, high, loud, staccato, bright, dense."""
    timbre = sum(BRIGHTNESS.get(p, 0.0) for p in causes.programs) / len(causes.programs)
    return np.array(
        [
            1.0 if causes.mode == "major" else -1.0,
            _from_range(math.log2(causes.tempo), _log2(TEMPO_RANGE)),
            causes.register / 12.0,
            _from_range(causes.dynamics, DYNAMICS_RANGE),
            -_from_range(causes.articulation, ARTICULATION_RANGE),
            timbre,
            _from_range(math.log2(causes.density), _log2(DENSITY_RANGE)),
        ]
    )


def affect_of(causes: Causes) -> tuple[float, float]:
    """Valence and arousal of a piece, each in [-1, 1]: `WEIGHTS` times `cues_of`, nothing else."""
    valence, arousal = WEIGHTS @ cues_of(causes)
    return float(valence), float(arousal)


def quadrant_of(valence: float, arousal: float) -> Quadrant:
    """Russell's quadrant: Q1 (+,+), Q2 (-,+), Q3 (-,-), Q4 (+,-); zero counts as positive."""
    if arousal >= 0:
        return "Q1" if valence >= 0 else "Q2"
    return "Q4" if valence >= 0 else "Q3"


def _performance(cue: Mapping[str, float]) -> dict[str, Any]:
    """Causes that have a continuous range, from their cues."""
    return {
        "tempo": round(2.0 ** _to_range(cue["tempo"], _log2(TEMPO_RANGE)), 1),
        "density": round(2.0 ** _to_range(cue["density"], _log2(DENSITY_RANGE)), 2),
        "articulation": round(_to_range(-cue["articulation"], ARTICULATION_RANGE), 2),
        "dynamics": round(_to_range(cue["dynamics"], DYNAMICS_RANGE)),
    }


def causes_for(
    valence: float,
    arousal: float,
    rng: np.random.Generator,
    *,
    noise: float = 0.35,
    programs: tuple[int, ...] = (0,),
    drums: bool = False,
    metre: Metre | None = None,
) -> Causes:
    """Draw causes of a piece that is meant to have this valence and arousal.

    Cues start from the smallest ones that give the wanted affect (the pseudo-inverse of `WEIGHTS`), so that each
    contributes by its weight, and are then disturbed independently: cues go together, but not always. What the piece
    really expresses is `affect_of` the result.

    Parameters
    ----------
    valence, arousal : float
        Wanted affect, each in [-1, 1].
    rng : numpy.random.Generator
        Always advanced by the same number of draws.
    noise : float
        Standard deviation of the disturbance, in units of a cue.
    programs, drums, metre
        Causes without a target; the metre is drawn when it is not given.

    Raises
    ------
    ValueError
        Valence or arousal lies outside [-1, 1].
    """
    if not (abs(valence) <= 1 and abs(arousal) <= 1):
        raise ValueError(f"valence and arousal must lie in [-1, 1], got {valence} and {arousal}")
    wanted = np.linalg.pinv(WEIGHTS) @ np.array([valence, arousal])
    cues = np.clip(wanted + noise * rng.standard_normal(len(CUES)), -1.0, 1.0)
    cue = dict(zip(CUES, cues.tolist(), strict=True))
    key, pick_progression, pick_metre = int(rng.integers(12)), float(rng.random()), float(rng.random())
    mode: Mode = "major" if cue["mode"] >= 0 else "minor"
    templates = DRAWN[mode]
    metres: tuple[Metre, ...] = ("4/4", "4/4", "3/4", "6/8")
    return Causes(
        mode=mode,
        key=key,
        metre=metre or metres[int(pick_metre * len(metres))],
        register=list(REGISTERS.values())[int(np.digitize(cue["register"], (-0.5, 0.5)))],
        **_performance(cue),
        progression=templates[int(pick_progression * len(templates))],
        programs=programs,
        drums=drums,
    )


_FREE = [CUES.index(c) for c in ("tempo", "dynamics", "articulation", "density")]


def with_expression(causes: Causes, arousal: float) -> Causes:
    """Raise (or lower) arousal by tempo, dynamics, articulation and density, each by its weight; the rest stays.

    Cues that reach their end stay there, so the change can be smaller than asked for.
    """
    weights = WEIGHTS[1, _FREE]
    cues = cues_of(causes)
    cues[_FREE] += arousal * weights / (weights @ weights)
    cue = dict(zip(CUES, np.clip(cues, -1.0, 1.0).tolist(), strict=True))
    return replace(causes, **_performance(cue))


def random_causes(rng: np.random.Generator, programs: tuple[int, ...] = (0,), drums: bool = False) -> Causes:
    """Draw every cause independently of the others, uniformly over its range (tempo and density in octaves)."""
    mode: Mode = "major" if rng.random() < 0.5 else "minor"
    cue = dict(zip(("tempo", "density", "articulation", "dynamics"), (2 * rng.random(4) - 1).tolist(), strict=True))
    return Causes(
        mode=mode,
        key=int(rng.integers(12)),
        metre=("4/4", "3/4", "6/8")[int(rng.integers(3))],
        register=list(REGISTERS.values())[int(rng.integers(3))],
        progression=str(rng.choice(DRAWN[mode])),
        programs=programs,
        drums=drums,
        **_performance(cue),
    )
