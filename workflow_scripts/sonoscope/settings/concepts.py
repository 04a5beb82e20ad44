"""SynTheory's concepts and their values, in the form in which settings, wildcards and folders name them.

A value's name must be able to be a folder: the metre 3/4 is called 3-4, and the progression ``ionian-(1, 4, 5, 1)`` is
called ionian-1451. Tempo has one target, the number itself.
"""

from typing import Literal, get_args

Concept = Literal["notes", "intervals", "scales", "chords", "simple_progressions", "tempos", "time_signatures"]
CONCEPTS: tuple[Concept, ...] = get_args(Concept)

TEMPO = "bpm"
"""The target of tempos: a number, not a class."""

_PROGRESSIONS = {
    "ionian": ("1451", "1465", "1564", "1645", "2516", "4156", "4536", "5415", "5641", "6415"),
    "aeolian": ("1251", "1341", "1451", "1637", "1671", "1673", "1764", "4711", "7671"),
}

VALUES: dict[str, tuple[str, ...]] = {
    "notes": ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"),
    "intervals": tuple(str(n) for n in range(1, 13)),
    "scales": ("ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian"),
    "chords": ("major", "minor", "aug", "dim"),
    "simple_progressions": tuple(f"{mode}-{d}" for mode, all_ in _PROGRESSIONS.items() for d in all_),
    "tempos": (TEMPO,),
    "time_signatures": ("2-2", "2-4", "3-4", "3-8", "4-4", "6-8", "9-8", "12-8"),
}
"""The values of each concept."""


def slug(concept: str, label: object) -> str:
    """Name of a corpus's label."""
    text = str(label)
    if concept == "simple_progressions":
        mode, _, degrees = text.partition("-")
        return f"{mode}-{''.join(c for c in degrees if c.isdigit())}"
    return text.replace("/", "-") if concept == "time_signatures" else text
