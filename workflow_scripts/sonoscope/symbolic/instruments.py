"""The instruments of the known world: a compact choice from the 92 General-MIDI programs of SynTheory.

One or two programs per General-MIDI family, so that a family can be told from the sound; `HELD_OUT` are kept from
every training corpus for tests of transfer.
"""

from typing import NamedTuple


class Instrument(NamedTuple):
    """A General-MIDI program with the word that prompts use for it."""

    program: int
    """General-MIDI program, 0-based."""
    name: str
    """The word used in prompts."""
    family: str
    """General-MIDI family."""
    low: int
    """Lowest MIDI pitch at which the soundfont's patch still has a clear fundamental."""
    high: int
    """Highest such pitch."""


INSTRUMENTS: tuple[Instrument, ...] = (
    Instrument(0, "piano", "piano", 36, 95),
    Instrument(4, "electric piano", "piano", 36, 95),
    Instrument(11, "vibraphone", "chromatic percussion", 36, 95),
    Instrument(16, "organ", "organ", 36, 95),
    Instrument(24, "guitar", "guitar", 36, 95),
    Instrument(33, "bass", "bass", 36, 95),
    Instrument(40, "violin", "strings", 36, 95),
    Instrument(48, "string ensemble", "ensemble", 36, 95),
    Instrument(56, "trumpet", "brass", 36, 95),
    Instrument(65, "saxophone", "reed", 36, 95),
    Instrument(73, "flute", "pipe", 36, 95),
    Instrument(81, "synth lead", "synth lead", 36, 95),
)

HELD_OUT: tuple[Instrument, ...] = (
    Instrument(68, "oboe", "reed", 36, 95),
    Instrument(19, "church organ", "organ", 36, 95),
    Instrument(110, "fiddle", "ethnic", 36, 95),
)

BY_PROGRAM: dict[int, Instrument] = {i.program: i for i in INSTRUMENTS + HELD_OUT}


class Click(NamedTuple):
    """A click sound of SynTheory's rhythm concepts: two pitches of one percussive patch."""

    name: str
    """Name in SynTheory's `click_config_name`."""
    word: str
    """The word used in prompts."""
    program: int
    """General-MIDI program; 0 with `is_drum` means the drum kit on channel 10."""
    is_drum: bool
    """Whether the pitches address the drum kit."""
    downbeat: int
    """MIDI pitch of the accented click (velocity 100)."""
    other: int
    """MIDI pitch of the other clicks (velocity 75)."""


CLICKS: tuple[Click, ...] = (
    Click("default", "rim click", 0, True, 37, 31),
    Click("woodblock_dark", "dark woodblock", 115, False, 37, 31),
    Click("woodblock_light", "light woodblock", 115, False, 52, 48),
    Click("taiko", "taiko", 116, False, 52, 48),
    Click("synth_drum", "synth drum", 118, False, 52, 48),
)

TAUGHT_CLICKS: tuple[Click, ...] = tuple(click for click in CLICKS if not click.is_drum)
"""Clicks that prompts ask for: not the rim click, of which the shipped codec loses strokes, and so the tempo."""
