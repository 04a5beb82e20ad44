"""Lessons: short clips with prompts that name their causes, from which the shipped MusicGen learns the world.

A lesson varies SynTheory's material in loudness, register and wording. Held-out combinations (a pitch class on an
instrument, say) never appear in training, so that obeying such a prompt shows that words were learned, not clips.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from sonoscope.symbolic import syntheory
from sonoscope.symbolic.describe import open_prompt
from sonoscope.symbolic.instruments import CLICKS, INSTRUMENTS, TAUGHT_CLICKS, Click
from sonoscope.symbolic.notes import PITCH_CLASSES, Part
from sonoscope.symbolic.words import TEMPO, VELOCITY

Rng = np.random.Generator

LOUDNESS: dict[str, int] = VELOCITY
"""MIDI velocity of each loudness word."""
REGISTERS: dict[str, tuple[int, ...]] = {"low": (36, 48), "": (48, 60, 72), "high": (72, 84)}
"""MIDI pitches of the C below which a register's pitch classes are laid out."""
SPEEDS: dict[str, tuple[int, int]] = TEMPO
"""Range of tempo, in beats per minute, of each speed word."""


TEMPOS: tuple[int, ...] = tuple(range(55, 200, 12))
"""Tempos of click tracks, in beats per minute: few enough for a small model to learn each of them."""


class Lesson(NamedTuple):
    """One clip to learn from."""

    prompt: str
    """What a user would ask for."""
    concept: str
    """SynTheory concept, or ``pieces``."""
    causes: Mapping[str, object]
    """What was chosen, by name."""
    parts: tuple[Part, ...]
    """Notes, in quarter notes."""
    bpm: float
    """Quarter notes per minute."""
    open_prompt: str
    """The same request with the value left open: "a repeated note on flute"."""
    held_out: bool = False
    """Whether this combination is kept from training."""


def _pick(rng: Rng, words: dict[str, int] | dict[str, tuple[int, ...]] | dict[str, tuple[int, int]]) -> str:
    """A word, or none half of the time."""
    return str(rng.choice(list(words), p=[0.25, 0.5, 0.25]))


def _join(*words: str) -> str:
    return " ".join(w for w in words if w)


def is_held_out(pitch_class: int, instrument: int) -> bool:
    """Whether a pitch class on an instrument (index into `INSTRUMENTS`) is kept from training: one in twelve."""
    return (pitch_class + 5 * instrument) % 12 == 0


def note(rng: Rng) -> Lesson:
    """A note struck four times: "a loud low repeated C on flute"."""
    k, pc = int(rng.integers(len(INSTRUMENTS))), int(rng.integers(12))
    loudness, register = _pick(rng, LOUDNESS), _pick(rng, REGISTERS)
    midi = int(rng.choice(REGISTERS[register])) + pc
    instrument = INSTRUMENTS[k]
    prompt = _join("a", loudness, register, "repeated", PITCH_CLASSES[pc], "on", instrument.name)
    causes = {
        "pitch_class": pc,
        "instrument": instrument.name,
        "loudness": loudness,
        "register": register,
        "midi": midi,
    }
    notes = syntheory.note_part(midi, instrument.program, LOUDNESS[loudness])
    return Lesson(
        prompt,
        "notes",
        causes,
        (notes,),
        syntheory.TONAL_BPM,
        open_prompt("notes", instrument.name),
        is_held_out(pc, k),
    )


def interval(rng: Rng) -> Lesson:
    """Two notes: "a rising perfect fifth on piano"."""
    instrument = INSTRUMENTS[int(rng.integers(len(INSTRUMENTS)))]
    base, semitones, style = int(rng.integers(60, 72)), int(rng.integers(1, 13)), int(rng.integers(3))
    loudness = _pick(rng, LOUDNESS)
    shape = ("rising", "falling", "simultaneous")[style]
    prompt = _join("a", loudness, shape, syntheory.INTERVALS[semitones - 1], "on", instrument.name)
    causes = {"interval": semitones, "style": shape, "instrument": instrument.name, "loudness": loudness, "midi": base}
    notes = syntheory.interval_part(base, semitones, style, instrument.program, LOUDNESS[loudness])
    return Lesson(prompt, "intervals", causes, (notes,), syntheory.TONAL_BPM, open_prompt("intervals", instrument.name))


def scale(rng: Rng) -> Lesson:
    """A church mode: "a rising C dorian scale on violin"."""
    instrument = INSTRUMENTS[int(rng.integers(len(INSTRUMENTS)))]
    pc, mode, style = int(rng.integers(12)), str(rng.choice(list(syntheory.MODES))), int(rng.integers(2))
    loudness, shape = _pick(rng, LOUDNESS), ("rising", "falling")[style]
    prompt = _join("a", loudness, shape, PITCH_CLASSES[pc], mode, "scale on", instrument.name)
    causes = {"pitch_class": pc, "mode": mode, "style": shape, "instrument": instrument.name, "loudness": loudness}
    notes = syntheory.scale_part(syntheory.tonic(pc), mode, style, instrument.program, LOUDNESS[loudness])
    return Lesson(prompt, "scales", causes, (notes,), syntheory.TONAL_BPM, open_prompt("scales", instrument.name))


def chord(rng: Rng) -> Lesson:
    """A triad struck four times: "a C major chord on organ"."""
    instrument = INSTRUMENTS[int(rng.integers(len(INSTRUMENTS)))]
    pc, quality = int(rng.integers(12)), str(rng.choice(list(syntheory.CHORDS)))
    inversion, loudness = int(rng.choice(list(syntheory.INVERSIONS))), _pick(rng, LOUDNESS)
    prompt = _join("a", loudness, PITCH_CLASSES[pc], quality, "chord on", instrument.name)
    causes = {"pitch_class": pc, "chord": quality, "instrument": instrument.name, "loudness": loudness}
    pitches = syntheory.triad(syntheory.tonic(pc), quality, inversion)
    notes = syntheory.chord_part(pitches, instrument.program, LOUDNESS[loudness])
    return Lesson(prompt, "chords", causes, (notes,), syntheory.TONAL_BPM, open_prompt("chords", instrument.name))


def progression(rng: Rng) -> Lesson:
    """Four triads in a key: "the progression 1 4 5 1 in C major on piano"."""
    instrument = INSTRUMENTS[int(rng.integers(len(INSTRUMENTS)))]
    pc, (mode, degrees) = int(rng.integers(12)), syntheory.PROGRESSIONS[int(rng.integers(len(syntheory.PROGRESSIONS)))]
    loudness, quality = _pick(rng, LOUDNESS), {"ionian": "major", "aeolian": "minor"}[mode]
    figures = " ".join(map(str, degrees))
    prompt = _join("a", loudness, "progression", figures, "in", PITCH_CLASSES[pc], quality, "on", instrument.name)
    causes = {"pitch_class": pc, "mode": quality, "degrees": figures, "instrument": instrument.name}
    notes = syntheory.progression_part(syntheory.tonic(pc), mode, degrees, instrument.program, LOUDNESS[loudness])
    return Lesson(
        prompt,
        "simple_progressions",
        causes,
        (notes,),
        syntheory.TONAL_BPM,
        open_prompt("simple_progressions", instrument.name),
    )


def is_held_out_tempo(bpm: int, click: Click) -> bool:
    """Whether a tempo of a click is kept from training: one in twelve."""
    return (TEMPOS.index(bpm) + 5 * CLICKS.index(click)) % 12 == 7


def _click(click: Click, beats: int, per_bar: int, step: float, loudness: str) -> Part:
    """A click track whose accents are as loud as the word says."""
    notes = syntheory.click_part(click, beats, per_bar, step)
    louder = notes.velocity * (LOUDNESS[loudness] / LOUDNESS[""])
    return notes._replace(velocity=np.minimum(np.round(louder), 127).astype(notes.velocity.dtype))


def tempo(rng: Rng) -> Lesson:
    """A click in four: "a taiko click at 127 bpm", "a loud slow dark woodblock"."""
    click = TAUGHT_CLICKS[int(rng.integers(len(TAUGHT_CLICKS)))]
    loudness, speed = _pick(rng, LOUDNESS), _pick(rng, SPEEDS)
    slowest, fastest = SPEEDS[speed]
    bpm = int(rng.choice([b for b in TEMPOS if slowest <= b <= fastest]))
    said = f"at {bpm} bpm" if not speed or rng.random() < 0.5 else ""
    prompt = _join("a", loudness, speed, click.word, said)
    notes = _click(click, int(syntheory.SECONDS * bpm / 60) + 1, 4, 1.0, loudness)
    causes = {"bpm": bpm, "click": click.name, "speed": speed, "loudness": loudness}
    vague = open_prompt("tempos", click.word)
    return Lesson(prompt, "tempos", causes, (notes,), bpm, vague, is_held_out_tempo(bpm, click))


def metre(rng: Rng) -> Lesson:
    """A click in a metre, at SynTheory's tempo or one that is said: "a taiko in 3/4", "a taiko in 3/4 at 91 bpm"."""
    click = TAUGHT_CLICKS[int(rng.integers(len(TAUGHT_CLICKS)))]
    name, loudness = str(rng.choice(list(syntheory.METRES))), _pick(rng, LOUDNESS)
    bpm, said = syntheory.TONAL_BPM, ""
    if rng.random() < 0.6:
        bpm = float(rng.choice([b for b in TEMPOS if 80 <= b <= 160]))
        said = f"at {bpm:.0f} bpm"
    beats, unit = syntheory.METRES[name]
    step = 4 / unit
    notes = _click(click, int(syntheory.SECONDS * bpm / 60 / step) + 1, beats, step, loudness)
    causes = {"metre": name, "click": click.name, "bpm": bpm, "loudness": loudness}
    prompt = _join("a", loudness, click.word, "in", name, said)
    vague, held_out = open_prompt("time_signatures", click.word), bool(said) and is_held_out_tempo(int(bpm), click)
    return Lesson(prompt, "time_signatures", causes, (notes,), bpm, vague, held_out)


KINDS: dict[str, tuple[Callable[[Rng], Lesson], float]] = {
    "notes": (note, 0.22),
    "intervals": (interval, 0.10),
    "scales": (scale, 0.10),
    "chords": (chord, 0.16),
    "simple_progressions": (progression, 0.12),
    "tempos": (tempo, 0.20),
    "time_signatures": (metre, 0.10),
}
"""Each kind of lesson and its share of the corpus."""


def draw(count: int, seed: int) -> list[Lesson]:
    """``count`` lessons of all kinds, in random order."""
    rng = np.random.default_rng(seed)
    shares = np.array([share for _, share in KINDS.values()])
    names = list(KINDS)
    return [KINDS[names[k]][0](rng) for k in rng.choice(len(names), size=count, p=shares / shares.sum())]
