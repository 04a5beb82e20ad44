"""Random numbers drawn per purpose, so that changing one cause leaves every other random choice as it was."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream of random numbers is for. Values are part of the world: they never change."""

    FORM = 0
    """Which bars share a motif, and where note counts are rounded up."""
    RHYTHM = 1
    """Which positions of a bar are struck first."""
    CONTOUR = 2
    """Where the melody heads on each beat."""
    ORNAMENT = 3
    """Which way neighbour tones turn."""
    VELOCITY = 4
    """Unevenness of the player's touch."""
    TEXTURE = 5
    """Pattern of the accompaniment, and first voicing."""
    CAUSES = 6
    """Draws of causes."""
    PROMPT = 7
    """Draws of prompts."""


def stream(seed: int, purpose: Purpose) -> np.random.Generator:
    """Independent generator for one purpose of one piece; ``seed`` is not negative."""
    return np.random.Generator(np.random.PCG64((seed, int(purpose))))
