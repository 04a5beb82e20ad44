"""Emotion words with their place in the plane of valence and arousal."""

from typing import NamedTuple

import numpy as np


class Emotion(NamedTuple):
    """One word."""

    word: str
    valence: float
    """In [-1, 1]."""
    arousal: float
    """In [-1, 1]."""
    held_out: bool = False
    """A synonym kept from training corpora, to test whether the idea was learned or the word."""


EMOTIONS: tuple[Emotion, ...] = (
    Emotion("happy", 0.6, 0.4),
    Emotion("sad", -0.6, -0.4),
    Emotion("calm", 0.2, -0.6),
    Emotion("energetic", 0.4, 0.8),
    Emotion("excited", 0.65, 0.65),
    Emotion("angry", -0.6, 0.7),
    Emotion("tense", -0.5, 0.4),
    Emotion("scared", -0.7, 0.55),
    Emotion("gloomy", -0.5, -0.6),
    Emotion("tender", 0.5, -0.35),
    Emotion("peaceful", 0.55, -0.65),
    Emotion("joyful", 0.75, 0.45, held_out=True),
    Emotion("furious", -0.7, 0.8, held_out=True),
    Emotion("mournful", -0.75, -0.45, held_out=True),
    Emotion("serene", 0.45, -0.7, held_out=True),
)
"""The first four stand at the customary centres (on a scale from 0 to 1: .8/.7, .2/.3, .6/.2, .7/.9)."""

BY_WORD: dict[str, Emotion] = {e.word: e for e in EMOTIONS}


def nearest_emotion(valence: float, arousal: float) -> Emotion:
    """Find the word of the training vocabulary that is nearest to a point of the plane."""
    words = [e for e in EMOTIONS if not e.held_out]
    places = np.array([(e.valence, e.arousal) for e in words])
    return words[int(((places - (valence, arousal)) ** 2).sum(axis=1).argmin())]
