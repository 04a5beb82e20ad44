"""Lessons: short clips with prompts that name their causes, from which the shipped MusicGen learns the world.

A lesson varies SynTheory's material in loudness, register and wording. Two things are kept from training, to be asked
for afterwards. Prompts: a lesson is worded in one of two orders, and some causes are never named in the second, so that
obeying them there shows that words were understood. Combinations (a pitch class on an instrument, say): never heard at
all, so that obeying such a prompt shows that the world was understood, not its clips.
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


TURNED = 0.4
"""Share of lessons that are worded in the second order."""


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
    new_prompt: bool = False
    """Whether this prompt is kept from training."""


def _pick(rng: Rng, words: dict[str, int] | dict[str, tuple[int, ...]] | dict[str, tuple[int, int]]) -> str:
    """A word, or none half of the time."""
    return str(rng.choice(list(words), p=[0.25, 0.5, 0.25]))


def _turned(rng: Rng) -> bool:
    """Whether a lesson is worded in the second order."""
    return bool(rng.random() < TURNED)


def _join(*words: str) -> str:
    return " ".join(w for w in words if w)


def _tonal(prompt: str, concept: str, causes: Mapping[str, object], notes: Part, new_prompt: bool) -> Lesson:
    """A lesson of one instrument at SynTheory's tempo, of which no combination is held out."""
    vague = open_prompt(concept, str(causes["instrument"]))
    return Lesson(prompt, concept, causes, (notes,), syntheory.TONAL_BPM, vague, new_prompt=new_prompt)


def is_new_prompt(first: int, second: int) -> bool:
    """Whether two causes, by their indices, are never named in the second order of words: one pair in six."""
    return (first + second) % 6 == 2


def say(what: str, where: str, turned: bool) -> str:
    """A prompt in the first order of words ("a repeated C on flute") or the second ("on flute a repeated C")."""
    return _join(where, what) if turned else _join(what, where)


def is_held_out(pitch_class: int, instrument: int) -> bool:
    """Whether a pitch class on an instrument (index into `INSTRUMENTS`) is kept from training: one in twelve."""
    return (pitch_class + 5 * instrument) % 12 == 0


def note(rng: Rng) -> Lesson:
    """A note struck four times: "a loud low repeated C on flute"."""
    k, pc = int(rng.integers(len(INSTRUMENTS))), int(rng.integers(12))
    loudness, register = _pick(rng, LOUDNESS), _pick(rng, REGISTERS)
    midi = int(rng.choice(REGISTERS[register])) + pc
    instrument = INSTRUMENTS[k]
    what, turned = _join("a", loudness, register, "repeated", PITCH_CLASSES[pc]), _turned(rng)
    causes = {
        "pitch_class": pc,
        "instrument": instrument.name,
        "loudness": loudness,
        "register": register,
        "midi": midi,
    }
    notes = syntheory.note_part(midi, instrument.program, LOUDNESS[loudness])
    return Lesson(
        say(what, f"on {instrument.name}", turned),
        "notes",
        causes,
        (notes,),
        syntheory.TONAL_BPM,
        open_prompt("notes", instrument.name),
        is_held_out(pc, k),
        turned and is_new_prompt(pc, k),
    )


def interval(rng: Rng) -> Lesson:
    """Two notes: "a rising perfect fifth on piano"."""
    k = int(rng.integers(len(INSTRUMENTS)))
    instrument = INSTRUMENTS[k]
    base, semitones, style = int(rng.integers(60, 72)), int(rng.integers(1, 13)), int(rng.integers(3))
    loudness = _pick(rng, LOUDNESS)
    shape = ("rising", "falling", "simultaneous")[style]
    what, turned = _join("a", loudness, shape, syntheory.INTERVALS[semitones - 1]), _turned(rng)
    causes = {"interval": semitones, "style": shape, "instrument": instrument.name, "loudness": loudness, "midi": base}
    notes = syntheory.interval_part(base, semitones, style, instrument.program, LOUDNESS[loudness])
    return _tonal(
        say(what, f"on {instrument.name}", turned), "intervals", causes, notes, turned and is_new_prompt(semitones, k)
    )


def scale(rng: Rng) -> Lesson:
    """A church mode: "a rising C dorian scale on violin"."""
    k = int(rng.integers(len(INSTRUMENTS)))
    instrument = INSTRUMENTS[k]
    pc, mode, style = int(rng.integers(12)), str(rng.choice(list(syntheory.MODES))), int(rng.integers(2))
    loudness, shape = _pick(rng, LOUDNESS), ("rising", "falling")[style]
    what, turned = _join("a", loudness, shape, PITCH_CLASSES[pc], mode, "scale"), _turned(rng)
    causes = {"pitch_class": pc, "mode": mode, "style": shape, "instrument": instrument.name, "loudness": loudness}
    notes = syntheory.scale_part(syntheory.tonic(pc), mode, style, instrument.program, LOUDNESS[loudness])
    return _tonal(say(what, f"on {instrument.name}", turned), "scales", causes, notes, turned and is_new_prompt(pc, k))


def chord(rng: Rng) -> Lesson:
    """A triad struck four times: "a C major chord on organ"."""
    k = int(rng.integers(len(INSTRUMENTS)))
    instrument = INSTRUMENTS[k]
    pc, quality = int(rng.integers(12)), str(rng.choice(list(syntheory.CHORDS)))
    inversion, loudness = int(rng.choice(list(syntheory.INVERSIONS))), _pick(rng, LOUDNESS)
    what, turned = _join("a", loudness, PITCH_CLASSES[pc], quality, "chord"), _turned(rng)
    causes = {"pitch_class": pc, "chord": quality, "instrument": instrument.name, "loudness": loudness}
    pitches = syntheory.triad(syntheory.tonic(pc), quality, inversion)
    notes = syntheory.chord_part(pitches, instrument.program, LOUDNESS[loudness])
    return _tonal(say(what, f"on {instrument.name}", turned), "chords", causes, notes, turned and is_new_prompt(pc, k))


def progression(rng: Rng) -> Lesson:
    """Four triads in a key: "the progression 1 4 5 1 in C major on piano"."""
    k = int(rng.integers(len(INSTRUMENTS)))
    instrument = INSTRUMENTS[k]
    pc, (mode, degrees) = int(rng.integers(12)), syntheory.PROGRESSIONS[int(rng.integers(len(syntheory.PROGRESSIONS)))]
    loudness, quality = _pick(rng, LOUDNESS), {"ionian": "major", "aeolian": "minor"}[mode]
    figures = " ".join(map(str, degrees))
    what, turned = _join("a", loudness, "progression", figures), _turned(rng)
    where = _join("in", PITCH_CLASSES[pc], quality, "on", instrument.name)
    causes = {"pitch_class": pc, "mode": quality, "degrees": figures, "instrument": instrument.name}
    notes = syntheory.progression_part(syntheory.tonic(pc), mode, degrees, instrument.program, LOUDNESS[loudness])
    return _tonal(say(what, where, turned), "simple_progressions", causes, notes, turned and is_new_prompt(pc, k))


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
    what, turned = _join("a", loudness, speed, click.word), bool(said) and _turned(rng)
    notes = _click(click, int(syntheory.SECONDS * bpm / 60) + 1, 4, 1.0, loudness)
    causes = {"bpm": bpm, "click": click.name, "speed": speed, "loudness": loudness}
    vague = open_prompt("tempos", click.word)
    return Lesson(
        say(what, said, turned),
        "tempos",
        causes,
        (notes,),
        bpm,
        vague,
        is_held_out_tempo(bpm, click),
        turned and is_new_prompt(TEMPOS.index(bpm), CLICKS.index(click)),
    )


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
    what, where, turned = _join("a", loudness, click.word), _join("in", name, said), _turned(rng)
    return Lesson(
        say(what, where, turned),
        "time_signatures",
        causes,
        (notes,),
        bpm,
        open_prompt("time_signatures", click.word),
        bool(said) and is_held_out_tempo(int(bpm), click),
        turned and is_new_prompt(list(syntheory.METRES).index(name), CLICKS.index(click)),
    )


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
