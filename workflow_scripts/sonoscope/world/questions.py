"""What a MusicGen is asked for: prompts with the answer that each wants, and a score that would be right.

The scores are what the composer makes of the same prompts. Rendered and put through the same measures as the model's
clips, they show how often a measure hears right what is right.
"""

from collections.abc import Iterator
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


@dataclass(frozen=True)
class Question:
    """One clip to ask for."""

    clip_id: str
    """Unique in the plan."""
    measure: str
    """What is listened for: note, mode, tempo, loudness, register or open_note."""
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


def note_prompt(pitch_class: int, instrument: str, loudness: str = "", register: str = "") -> str:
    """The prompt of a note, in the words of `sonoscope.symbolic.lessons.note`."""
    words = ("a", loudness, register, "repeated", PITCH_CLASSES[pitch_class], "on", instrument)
    return " ".join(word for word in words if word)


def questions(s: MeasureMusicGen, seed: int) -> list[Question]:
    """The whole plan, in the order in which it is asked; the same settings and seed give the same plan."""
    asked = [
        *_notes(s.notes, np.random.default_rng([seed, 1])),
        *_modes(s.modes, np.random.default_rng([seed, 2]), s.seconds),
        *_tempos(s.tempos, np.random.default_rng([seed, 3])),
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


def _notes(count: int, rng: Rng) -> Iterator[Question]:
    """Pitch classes on instruments whose combination was kept from training, each as often as the others."""
    kept = [(pc, k) for k in range(len(INSTRUMENTS)) for pc in range(12) if lessons.is_held_out(pc, k)]
    for n in range(count):
        pc, k = kept[n % len(kept)]
        instrument = INSTRUMENTS[k]
        midi = int(rng.choice(lessons.REGISTERS[""])) + pc
        yield Question(
            f"note-{n:04d}", "note", note_prompt(pc, instrument.name), PITCH_CLASSES[pc],
            _note_score(midi, instrument), instrument.name, seed=_seed(rng),
        )  # fmt: skip


def _modes(count: int, rng: Rng, seconds: float) -> Iterator[Question]:
    """Chords, progressions and pieces in turn, half of them minor. The prompt names tonic and mode."""
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
    while (lesson := lessons.chord(rng)).causes["chord"] != mode:
        pass
    return lesson


def _progression(rng: Rng, mode: str) -> lessons.Lesson:
    while True:
        lesson = lessons.progression(rng)
        if lesson.causes["mode"] == mode and str(lesson.causes["degrees"]).replace(" ", "") not in AMBIGUOUS:
            return lesson


def _tonal_pieces(count: int, rng: Rng, seconds: float) -> Iterator[tuple[str, str, int, symusic.Score]]:
    """Pieces whose prompt names tonic and mode."""
    table = piece_table(20 * count, _seed(rng), seconds=seconds, levels={"cue": 1.0})
    named = [
        f"{PITCH_CLASSES[k]} {m}" in p for k, m, p in zip(table["key"], table["mode"], table["prompt"], strict=True)
    ]
    for piece in table[named].to_dict("records"):
        yield str(piece["prompt"]), str(piece["mode"]), int(piece["key"]), symusic.Score.from_midi(piece["midi"])


def _tempos(count: int, rng: Rng) -> Iterator[Question]:
    """Click tracks at a tempo that is named in beats per minute, and that training kept from this click."""
    n = 0
    while n < count:
        lesson = lessons.tempo(rng)
        if not lesson.held_out or lesson.causes["speed"]:
            continue
        score = to_score(lesson.parts, lesson.bpm)
        yield Question(f"tempo-{n:04d}", "tempo", lesson.prompt, str(lesson.causes["bpm"]), score, seed=_seed(rng))
        n += 1


def _pairs(measure: str, count: int, rng: Rng) -> Iterator[Question]:
    """Two prompts that differ in one word, on one pitch class and instrument."""
    for n in range(count):
        pc, instrument, seed = int(rng.integers(12)), INSTRUMENTS[int(rng.integers(len(INSTRUMENTS)))], _seed(rng)
        middle = int(rng.choice(lessons.REGISTERS[""])) + pc
        for word in ("soft", "loud") if measure == "loudness" else ("low", "high"):
            loudness, register = (word, "") if measure == "loudness" else ("", word)
            midi = int(rng.choice(lessons.REGISTERS[register])) + pc if register else middle
            yield Question(
                f"{measure}-{n:04d}-{word}", measure, note_prompt(pc, instrument.name, loudness, register), word,
                _note_score(midi, instrument, loudness), instrument.name, pair=f"{measure}-{n:04d}", seed=seed,
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
