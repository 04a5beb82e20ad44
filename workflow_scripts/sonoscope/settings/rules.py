"""What a rule takes from the settings: plain, ordered data that Snakemake can compare with the last run."""

import hashlib
from typing import Any

from pydantic_core import to_jsonable_python

from sonoscope.settings.root import Settings


def section(settings: Settings, path: str) -> Any:
    """One section by its dotted path, as a dictionary of plain values in the order of its fields.

    A rule takes all of its settings as one such dictionary: Snakemake compares params as a set of values without
    names, so two values that change places would go unseen.
    """
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, name)
    return to_jsonable_python(value)


def seed(settings: Settings, stage: str) -> int:
    """Seed of one stage, in [0, 2³¹), so that no two stages draw the same random numbers."""
    text = f"{settings.seed}/{stage}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:4]) >> 1
