"""Paired pieces that differ in one cause and share every random choice."""

from dataclasses import replace
from typing import Any

from sonoscope.symbolic.causes import CAUSES, Causes


def counterfactual(causes: Causes, cause: str, value: Any) -> Causes:
    """Set one cause to another value and leave the rest; compose both with one seed and equal bars to get a pair.

    Raises
    ------
    ValueError
        There is no such cause, or the value lies outside its range.
    """
    if cause not in CAUSES:
        raise ValueError(f"cause must be one of {', '.join(CAUSES)}, got {cause!r}")
    return replace(causes, **{cause: value})


def differing(a: Causes, b: Causes) -> tuple[str, ...]:
    """Names of the causes in which two pieces differ."""
    return tuple(c for c in CAUSES if getattr(a, c) != getattr(b, c))
