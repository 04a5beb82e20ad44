"""What a MusicGen is asked for: prompts with the answer that each wants, and a score that would be right.

The scores are what the composer makes of the same prompts. Rendered and put through the same measures as the model's
clips, they show how often a measure hears right what is right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import symusic

from sonoscope.settings.measure_musicgen import MeasureMusicGen
from sonoscope.symbolic import lessons, syntheory
from sonoscope.symbolic.causes import AMBIGUOUS
from sonoscope.symbolic.describe import open_prompt
from sonoscope.symbolic.instruments import INSTRUMENTS, Instrument
from sonoscope.symbolic.notes import PITCH_CLASSES, to_score
from sonoscope.symbolic.pieces import piece_table

Rng = np.random.Generator

_NOTES = [(pc, k) for k in range(len(INSTRUMENTS)) for pc in range(12)]
NEW_COMBINATIONS = [(pc, k) for pc, k in _NOTES if lessons.is_held_out(pc, k)]
"""Pitch class and instrument (index into `INSTRUMENTS`) that training never combined."""
NEW_PROMPTS = [(pc, k) for pc, k in _NOTES if lessons.is_new_prompt(pc, k) and not lessons.is_held_out(pc, k)]
"""Those that training named in the other order of words alone."""


@dataclass(frozen=True)
class Question:
    """One clip to ask for."""

    clip_id: str
    """Unique in the plan."""
    measure: str
    """What is listened for: note, mode, tempo, loudness, register or open_note; new_note and new_tempo where training
    never had the combination."""
    prompt: str
    """What the model is told."""
    wanted: str
    """The right answer; empty where the prompt leaves it open."""
    score: symusic.Score
    """A score that is right."""
    instrument: str = ""
    """Instrument that the prompt names, if one plays alone."""
    tonic: int = 0
    """Pitch class of the tonic that the prompt names, where a mode is wanted."""
    pair: str = ""
    """Two clips of one pair differ in what is wanted, and share seed and score otherwise."""
    seed: int = 0
    """Seed of the sampling."""


def note_prompt(pitch_class: int, instrument: str, loudness: str = "", register: str = "", turned: bool = False) -> str:
    """The prompt of a note, in the words of `sonoscope.symbolic.lessons.note`."""
    words = ("a", loudness, register, "repeated", PITCH_CLASSES[pitch_class])
    return lessons.say(" ".join(word for word in words if word), f"on {instrument}", turned)


def questions(s: MeasureMusicGen, seed: int) -> list[Question]:
    """The whole plan, in the order in which it is asked; the same settings and seed give the same plan."""
    asked = [
        *_notes("note", NEW_PROMPTS, s.notes, np.random.default_rng([seed, 1])),
        *_notes("new_note", NEW_COMBINATIONS, s.new_notes, np.random.default_rng([seed, 9])),
        *_modes(s.modes, np.random.default_rng([seed, 2]), s.seconds),
        *_tempos("tempo", s.tempos, np.random.default_rng([seed, 3])),
        *_tempos("new_tempo", s.new_tempos, np.random.default_rng([seed, 10])),
        *_pairs("loudness", s.pairs, np.random.default_rng([seed, 4])),
        *_pairs("register", s.pairs, np.random.default_rng([seed, 5])),
        *_open_notes(s.open_notes, np.random.default_rng([seed, 6])),
    ]
    # prompts of equal length are generated together
    return sorted(asked, key=lambda q: (len(q.prompt.split()), q.clip_id))


def plain_notes(count: int, seed: int, held_out: bool = True) -> list[Question]:
    """Notes of all instruments, registers and loudnesses, to be rendered, with or without held-out combinations."""
    rng, out = np.random.default_rng(seed), []
    for n in range(count):
        while (lesson := lessons.note(rng)).held_out and not held_out:
            pass
        pitch_class, instrument = _number(lesson, "pitch_class"), str(lesson.causes["instrument"])
        score = to_score(lesson.parts, lesson.bpm)
        out.append(Question(f"plain-{n:04d}", "plain", "", PITCH_CLASSES[pitch_class], score, instrument))
    return out


def codec_questions(s: MeasureMusicGen, seed: int) -> list[Question]:
    """Notes that go through the codec alone."""
    return plain_notes(s.codec_notes, int(np.random.SeedSequence([seed, 7]).generate_state(1)[0]))


def _number(lesson: lessons.Lesson, cause: str) -> int:
    return int(str(lesson.causes[cause]))


def _seed(rng: Rng) -> int:
    return int(rng.integers(2**31))


def _note_score(midi: int, instrument: Instrument, loudness: str = "") -> symusic.Score:
    part = syntheory.note_part(midi, instrument.program, lessons.LOUDNESS[loudness])
    return to_score([part], syntheory.TONAL_BPM)


def _notes(measure: str, asked: Sequence[tuple[int, int]], count: int, rng: Rng) -> Iterator[Question]:
    """Pitch classes on instruments, each of ``asked`` as often as the others."""
    for n in range(count):
        pc, k = asked[n % len(asked)]
        instrument = INSTRUMENTS[k]
        midi = int(rng.choice(lessons.REGISTERS[""])) + pc
        prompt = note_prompt(pc, instrument.name, turned=measure == "note")
        yield Question(
            f"{measure}-{n:04d}", measure, prompt, PITCH_CLASSES[pc],
            _note_score(midi, instrument), instrument.name, seed=_seed(rng),
        )  # fmt: skip


def _modes(count: int, rng: Rng, seconds: float) -> Iterator[Question]:
    """Chords, progressions and pieces in turn, half of them minor. The prompt names tonic and mode.

    Prompts of chords and progressions were kept from training; those of pieces are drawn anew.
    """
    pieces = _tonal_pieces(count // 3, rng, seconds)
    for n in range(count):
        mode = ("major", "minor")[n // 3 % 2]
        name = f"mode-{n:04d}"
        if n % 3 == 2:
            prompt, mode, tonic, score = next(pieces)
            yield Question(name, "mode", prompt, mode, score, tonic=tonic, seed=_seed(rng))
            continue
        lesson = _chord(rng, mode) if n % 3 == 0 else _progression(rng, mode)
        tonic = _number(lesson, "pitch_class")
        score = to_score(lesson.parts, lesson.bpm)
        yield Question(name, "mode", lesson.prompt, mode, score, tonic=tonic, seed=_seed(rng))


def _chord(rng: Rng, mode: str) -> lessons.Lesson:
    while True:
        lesson = lessons.chord(rng)
        if lesson.new_prompt and lesson.causes["chord"] == mode:
            return lesson


def _progression(rng: Rng, mode: str) -> lessons.Lesson:
    while True:
        lesson = lessons.progression(rng)
        if (
            lesson.new_prompt
            and lesson.causes["mode"] == mode
            and str(lesson.causes["degrees"]).replace(" ", "") not in AMBIGUOUS
        ):
            return lesson


def _tonal_pieces(count: int, rng: Rng, seconds: float) -> Iterator[tuple[str, str, int, symusic.Score]]:
    """Pieces whose prompt names tonic and mode."""
    table = piece_table(20 * count, _seed(rng), seconds=seconds, levels={"cue": 1.0})
    named = [
        f"{PITCH_CLASSES[k]} {m}" in p for k, m, p in zip(table["key"], table["mode"], table["prompt"], strict=True)
    ]
    for piece in table[named].to_dict("records"):
        yield str(piece["prompt"]), str(piece["mode"]), int(piece["key"]), symusic.Score.from_midi(piece["midi"])


def _tempos(measure: str, count: int, rng: Rng) -> Iterator[Question]:
    """Click tracks at a tempo that is named in beats per minute; training never had the prompt, or the combination."""
    n = 0
    while n < count:
        lesson = lessons.tempo(rng)
        is_new = lesson.held_out if measure == "new_tempo" else lesson.new_prompt and not lesson.held_out
        if not is_new or "bpm" not in lesson.prompt or lesson.causes["speed"]:
            continue
        score = to_score(lesson.parts, lesson.bpm)
        yield Question(f"{measure}-{n:04d}", measure, lesson.prompt, str(lesson.causes["bpm"]), score, seed=_seed(rng))
        n += 1


def _pairs(measure: str, count: int, rng: Rng) -> Iterator[Question]:
    """Two prompts that differ in one word, on one pitch class and instrument; both were kept from training."""
    for n in range(count):
        pc, k = NEW_PROMPTS[int(rng.integers(len(NEW_PROMPTS)))]
        instrument, seed = INSTRUMENTS[k], _seed(rng)
        middle = int(rng.choice(lessons.REGISTERS[""])) + pc
        for word in ("soft", "loud") if measure == "loudness" else ("low", "high"):
            loudness, register = (word, "") if measure == "loudness" else ("", word)
            midi = int(rng.choice(lessons.REGISTERS[register])) + pc if register else middle
            yield Question(
                f"{measure}-{n:04d}-{word}", measure, note_prompt(pc, instrument.name, loudness, register, turned=True),
                word, _note_score(midi, instrument, loudness), instrument.name, pair=f"{measure}-{n:04d}", seed=seed,
            )  # fmt: skip


def _open_notes(count: int, rng: Rng) -> Iterator[Question]:
    """Prompts that name the instrument and leave the note open."""
    for n in range(count):
        instrument = INSTRUMENTS[n % len(INSTRUMENTS)]
        midi = int(rng.choice(lessons.REGISTERS[""])) + int(rng.integers(12))
        yield Question(
            f"open_note-{n:04d}", "open_note", open_prompt("notes", instrument.name), "",
            _note_score(midi, instrument), instrument.name, seed=_seed(rng),
        )  # fmt: skip
