"""SynTheory's seven concepts, regenerated from their description.

Source: Wei et al., "Do music generation models encode music theory?" (arXiv 2410.00872). Clips last 4 s, tonal ones at
120 BPM. The compact subset keeps the published columns, so that the published data set is a drop-in, and adds
``is_silent``, ``render_id`` and ``split_group``: rows of one group must stay on one side of a split.

Two defects of the published set are known and kept apart by ``octave``: ``"faithful"`` sets augmented triads on F#, G
and G# an octave above the other qualities, as published, which lets register give the chord type away; ``"corrected"``
sets all qualities in one octave.

``size`` chooses between the compact subset (4,682 clips, 12 instruments) and ``"full"`` (104,585 clips, 92).
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np

from sonoscope.symbolic.general_midi import all_instruments
from sonoscope.symbolic.instruments import CLICKS, INSTRUMENTS, Click, Instrument
from sonoscope.symbolic.notes import PITCH_CLASSES, Part, part

SECONDS = 4.0
"""Length of every clip."""
TONAL_BPM = 120.0
"""Tempo of the five tonal concepts."""
VELOCITY = 64
"""Velocity of every tonal note."""

INTERVALS: tuple[str, ...] = (
    "minor second", "major second", "minor third", "major third", "perfect fourth", "tritone", "perfect fifth",
    "minor sixth", "major sixth", "minor seventh", "major seventh", "octave",
)  # fmt: skip
MODES: dict[str, tuple[int, ...]] = {
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
}
CHORDS: dict[str, tuple[int, int, int]] = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "aug": (0, 4, 8),
    "dim": (0, 3, 6),
}
INVERSIONS: dict[int, int] = {5: 0, 6: 1, 64: 2}
"""Figured bass of a triad, and how many of its notes are raised by an octave."""
PROGRESSIONS: tuple[tuple[str, tuple[int, int, int, int]], ...] = (
    *(("ionian", p) for p in (
        (1, 4, 5, 1), (1, 4, 6, 5), (1, 5, 6, 4), (1, 6, 4, 5), (2, 5, 1, 6),
        (4, 1, 5, 6), (4, 5, 3, 6), (5, 4, 1, 5), (5, 6, 4, 1), (6, 4, 1, 5),
    )),
    *(("aeolian", p) for p in (
        (1, 2, 5, 1), (1, 3, 4, 1), (1, 4, 5, 1), (1, 6, 3, 7), (1, 6, 7, 1),
        (1, 6, 7, 3), (1, 7, 6, 4), (4, 7, 1, 1), (7, 6, 7, 1),
    )),
)  # fmt: skip
METRES: dict[str, tuple[int, int]] = {
    "2/2": (2, 2), "2/4": (2, 4), "3/4": (3, 4), "3/8": (3, 8),
    "4/4": (4, 4), "6/8": (6, 8), "9/8": (9, 8), "12/8": (12, 8),
}  # fmt: skip
CONCEPTS: tuple[str, ...] = (
    "notes", "intervals", "scales", "chords", "simple_progressions", "tempos", "time_signatures",
)  # fmt: skip
LABEL: dict[str, str] = {
    "notes": "root_note_name",
    "intervals": "interval",
    "scales": "mode",
    "chords": "chord_type",
    "simple_progressions": "chord_progression",
    "tempos": "bpm",
    "time_signatures": "time_signature",
}
"""The column of each concept that probes and directions are fitted to."""

Octave = Literal["faithful", "corrected"]
Size = Literal["compact", "full"]


class Clip(NamedTuple):
    """One clip of a concept: its labels, its notes, and how it is cut out of its render."""

    labels: dict[str, Any]
    """Published columns of the row, without audio."""
    parts: tuple[Part, ...]
    """Notes, in quarter notes."""
    bpm: float
    """Quarter notes per minute."""
    metre: tuple[int, int] = (4, 4)
    """Time signature."""
    offset: float = 0.0
    """Where the clip starts in its render, in seconds."""
    clip_id: str = ""
    """Identifies the clip, stable over runs."""
    render_id: str = ""
    """Clips with one render are crops of the same audio."""
    split_group: str = ""
    """Clips of one group must not be divided by a split."""


def _instrument(i: Instrument) -> dict[str, Any]:
    return {"midi_program_num": i.program, "midi_program_name": i.name, "midi_category": i.family}


def _tonal(labels: dict[str, Any], notes: Part, concept: str, group: str) -> Clip:
    name = "-".join(str(v) for k, v in labels.items() if k not in ("midi_category", "midi_program_name"))
    clip_id = f"{concept}-{name}".replace(" ", "")
    return Clip(labels, (notes,), TONAL_BPM, clip_id=clip_id, render_id=clip_id, split_group=group)


def note_part(midi: int, program: int, velocity: int = VELOCITY) -> Part:
    """A note struck four times, every two beats."""
    return part(np.arange(4) * 2, 2, midi, velocity, program)


class Plan(NamedTuple):
    """What of a concept to make."""

    octave: Octave
    instruments: tuple[Instrument, ...]
    full: bool

    def some(self, k: int, count: int) -> Iterator[Instrument]:
        """All instruments, or in the compact subset ``count`` of them, others for each combination ``k``."""
        if self.full:
            return iter(self.instruments)
        n = len(self.instruments)
        return (self.instruments[(k + j * n // count) % n] for j in range(count))


def _notes(plan: Plan, rng: np.random.Generator) -> Iterator[Clip]:
    for instrument, midi in product(plan.instruments, range(108) if plan.full else range(36, 96)):
        pitch_class, height = midi % 12, midi // 12
        labels = {
            "root_note_name": PITCH_CLASSES[pitch_class],
            "root_note_pitch_class": pitch_class,
            "octave": height,
            "root_note_is_accidental": len(PITCH_CLASSES[pitch_class]) == 2,
            "register": ("low", "mid", "high")[min(height // 3, 2)],
            "midi_note_val": midi,
            **_instrument(instrument),
        }
        # a note is learned from other octaves and instruments than it is tested on
        yield _tonal(labels, note_part(midi, instrument.program), "notes", f"{instrument.program}-{height}")


def interval_part(base: int, semitones: int, style: int, program: int, velocity: int = VELOCITY) -> Part:
    """Two notes: one after the other upwards (0) or downwards (1), four times; or together (2), eight times."""
    if style == 2:
        beats = np.repeat(np.arange(8), 2)
        return part(beats, 1, np.tile([base, base + semitones], 8), velocity, program)
    pair = [base, base + semitones] if style == 0 else [base + semitones, base]
    return part(np.arange(8), 1, np.tile(pair, 4), velocity, program)


def _intervals(plan: Plan, rng: np.random.Generator) -> Iterator[Clip]:
    for k, (base, semitones, style) in enumerate(product(range(60, 72), range(1, 13), range(3))):
        pair = iter((plan.instruments[k % 12], plan.instruments[(k + 5) % 12]))
        for instrument in plan.some(k, 12) if plan.full else pair:
            labels = {
                "root_note_name": PITCH_CLASSES[base % 12],
                "root_note_pitch_class": base % 12,
                "interval": semitones,
                "play_style": style,
                "play_style_name": ("UP", "DOWN", "UNISON")[style],
                "midi_note_val": base,
                **_instrument(instrument),
            }
            notes = interval_part(base, semitones, style, instrument.program)
            yield _tonal(labels, notes, "intervals", PITCH_CLASSES[base % 12])


def tonic(pitch_class: int) -> int:
    """MIDI pitch of a root: C to F from 60 to 65, F# to B from 54 to 59."""
    return 60 + pitch_class if pitch_class < 6 else 48 + pitch_class


def scale_part(root: int, mode: str, style: int, program: int, velocity: int = VELOCITY) -> Part:
    """Eight one-beat notes with the octave, upwards (0) or downwards (1)."""
    steps = np.array([*MODES[mode], 12])
    return part(np.arange(8), 1, root + (steps if style == 0 else steps[::-1]), velocity, program)


def _scales(plan: Plan, rng: np.random.Generator) -> Iterator[Clip]:
    for k, (root, mode, style) in enumerate(product(range(12), MODES, range(2))):
        for instrument in plan.some(k, 4):
            labels = {
                "root_note_name": PITCH_CLASSES[root],
                "mode": mode,
                "play_style": style,
                "play_style_name": ("UP", "DOWN")[style],
                **_instrument(instrument),
            }
            notes = scale_part(tonic(root), mode, style, instrument.program)
            yield _tonal(labels, notes, "scales", PITCH_CLASSES[root])


def triad(root: int, quality: str, inversion: int = 5) -> list[int]:
    """MIDI pitches of a triad in root position (5), first (6) or second (64) inversion."""
    pitches = [root + s for s in CHORDS[quality]]
    raised = INVERSIONS[inversion]
    return pitches[raised:] + [p + 12 for p in pitches[:raised]]


def chord_part(pitches: list[int], program: int, velocity: int = VELOCITY) -> Part:
    """A chord struck four times, every two beats."""
    return part(np.repeat(np.arange(4) * 2, len(pitches)), 2, np.tile(pitches, 4), velocity, program)


def is_shifted(root: int, quality: str) -> bool:
    """Whether the published set has this triad an octave above the other qualities of its root."""
    return quality == "aug" and root in (6, 7, 8)


def _chords(plan: Plan, rng: np.random.Generator) -> Iterator[Clip]:
    for k, (root, quality, inversion) in enumerate(product(range(12), CHORDS, INVERSIONS)):
        base = tonic(root) + (12 if plan.octave == "faithful" and is_shifted(root, quality) else 0)
        for instrument in plan.some(k, 6):
            labels = {
                "root_note_name": PITCH_CLASSES[root],
                "chord_type": quality,
                "inversion": inversion,
                "root_note_is_accidental": len(PITCH_CLASSES[root]) == 2,
                "root_note_pitch_class": root,
                **_instrument(instrument),
            }
            notes = chord_part(triad(base, quality, inversion), instrument.program)
            yield _tonal(labels, notes, "chords", PITCH_CLASSES[root])


def progression_part(root: int, mode: str, degrees: tuple[int, ...], program: int, velocity: int = VELOCITY) -> Part:
    """One triad every two beats, its notes folded into the octave above the tonic."""
    scale = MODES[mode]
    pitches = np.array([[scale[(d - 1 + s) % 7] for s in (0, 2, 4)] for d in degrees])  # (chords, 3), within an octave
    onsets = np.repeat(np.arange(len(degrees)) * 2, 3)
    return part(onsets, 2, root + np.sort(pitches, axis=1).ravel(), velocity, program)


def _progressions(plan: Plan, rng: np.random.Generator) -> Iterator[Clip]:
    for k, (key, (mode, degrees)) in enumerate(product(range(12), PROGRESSIONS)):
        for instrument in plan.some(k, 4):
            labels = {
                "key_note_name": PITCH_CLASSES[key],
                "key_note_pitch_class": key,
                "chord_progression": f"{mode}-{degrees}",
                **_instrument(instrument),
            }
            notes = progression_part(tonic(key), mode, degrees, instrument.program)
            yield _tonal(labels, notes, "simple_progressions", PITCH_CLASSES[key])


def click_part(click: Click, beats: int, per_bar: int, step: float = 1.0, reverb: int = -1) -> Part:
    """A click every ``step`` quarter notes, the first of each bar accented by pitch and velocity."""
    accent = np.arange(beats) % per_bar == 0
    pitch = np.where(accent, click.downbeat, click.other)
    velocity = np.where(accent, 100, 75)
    return part(np.arange(beats) * step, 0.25 * step, pitch, velocity, click.program, click.is_drum, reverb)


def _tempos(plan: Plan, rng: np.random.Generator) -> Iterator[Clip]:
    for bpm, click in product(range(50, 211, 1 if plan.full else 4), CLICKS):
        notes = click_part(click, int(20 * bpm / 60) + 1, 4)
        for crop in range(5 if plan.full else 2):
            labels: dict[str, Any] = {
                "bpm": bpm,
                "click_config_name": click.name,
                "midi_program_num": click.program,
                "offset_time": round(float(rng.uniform(0, 20 - SECONDS)), 3),
            }
            render = f"tempos-{bpm}-{click.name}"
            yield Clip(labels, (notes,), bpm, (4, 4), labels["offset_time"], f"{render}-{crop}", render, render)


def _time_signatures(plan: Plan, rng: np.random.Generator) -> Iterator[Clip]:
    for (name, (beats, unit)), click, reverb in product(METRES.items(), CLICKS, (0, 63, 127)):
        step = 4 / unit  # quarter notes between clicks
        notes = click_part(click, int(30 * TONAL_BPM / 60 / step) + 1, beats, step, reverb)
        for crop in range(10 if plan.full else 2):
            labels: dict[str, Any] = {
                "time_signature": name,
                "time_signature_beats": beats,
                "time_signature_subdivision": unit,
                "is_compound": unit == 8 and beats > 3,
                "bpm": int(TONAL_BPM),
                "click_config_name": click.name,
                "midi_program_num": click.program,
                "offset_time": round(float(rng.uniform(0, 30 - SECONDS)), 3),
                "reverb_level": reverb,
            }
            render = f"time_signatures-{name}-{click.name}-{reverb}"
            yield Clip(
                labels, (notes,), TONAL_BPM, (beats, unit), labels["offset_time"], f"{render}-{crop}", render, render
            )


_MAKERS: dict[str, Callable[[Plan, np.random.Generator], Iterator[Clip]]] = {
    "notes": _notes,
    "intervals": _intervals,
    "scales": _scales,
    "chords": _chords,
    "simple_progressions": _progressions,
    "tempos": _tempos,
    "time_signatures": _time_signatures,
}


def compose(concept: str, seed: int = 0, octave: Octave = "corrected", size: Size = "compact") -> list[Clip]:
    """All clips of one concept.

    Parameters
    ----------
    concept : str
        One of `CONCEPTS`.
    seed : int
        Draws the crops of the two rhythm concepts.
    octave : {"corrected", "faithful"}
        Where augmented triads on F#, G and G# are set; see the module's docstring.
    size : {"compact", "full"}

    Raises
    ------
    ValueError
        No such concept.
    """
    if concept not in _MAKERS:
        raise ValueError(f"concept: expected one of {', '.join(CONCEPTS)}, got {concept!r}")
    full = size == "full"
    plan = Plan(octave, all_instruments() if full else INSTRUMENTS, full)
    return list(_MAKERS[concept](plan, np.random.default_rng([seed, CONCEPTS.index(concept)])))
