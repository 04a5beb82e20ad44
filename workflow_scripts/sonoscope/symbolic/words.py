"""What the words for loudness and speed mean: one table for lessons and for composed pieces.

A lesson draws a value for its word; a piece has a value, and gets the word where it is clear. Both must mean the same
by a word, or a model that learns from both is told two things.
"""

VELOCITY: dict[str, int] = {"soft": 36, "": 70, "loud": 112}
"""MIDI velocity of a lesson by its word; without a word it is in the middle."""
TEMPO: dict[str, tuple[int, int]] = {"slow": (50, 85), "": (50, 210), "fast": (140, 210)}
"""Range of a lesson's tempo by its word, in beats per minute; without a word it may be any."""

SOFT: int = 52
"""Mean velocity up to which a piece is called soft: about half way from the soft to the middle lesson."""
LOUD: int = 88
"""Mean velocity from which a piece is called loud: about half way from the middle to the loud lesson."""
SLOW: float = float(TEMPO["slow"][1])
"""Beats per minute up to which a piece is called slow."""
FAST: float = float(TEMPO["fast"][0])
"""Beats per minute from which a piece is called fast."""
