"""Text prompts from templates, at four levels: cues only, emotion word only, both, neither.

The vocabulary is small and regular: one word per idea, lower case but for note names, nothing at the end. A word for a
cue is said only where the cue is clear; in between it is left out.
"""

from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from sonoscope.files import replacing
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.cues import causes_for
from sonoscope.symbolic.emotions import EMOTIONS
from sonoscope.symbolic.instruments import BY_PROGRAM
from sonoscope.symbolic.words import FAST, LOUD, SLOW, SOFT

Level = Literal["cue", "emotion", "both", "neutral"]
LEVELS: tuple[Level, ...] = get_args(Level)


class Template(NamedTuple):
    """A sentence with places for words. Splits hold out whole templates, by id."""

    template_id: str
    level: Level
    text: str


_TEXTS: dict[Level, tuple[str, ...]] = {
    "cue": (
        "a {tempo} {dynamics} piece in {key} {mode} on {instrument}",
        "a {dynamics} {register} {mode} piece on {instrument}",
        "a {tempo} {articulation} {mode} tune on {instrument}",
        "a {density} {mode} piece in {metre} on {instrument}",
        "a {dynamics} tune in {key} {mode} at {bpm} bpm on {instrument}",
        "{tempo} {register} {mode} music on {instrument}",
        "{dynamics} {articulation} {mode} music at {bpm} bpm",
        "a {tempo} {density} tune with chords {chords} in {key} {mode}",
    ),
    "emotion": (
        "a {emotion} piece",
        "a {emotion} tune",
        "{emotion} music",
        "a piece that sounds {emotion}",
        "music in a {emotion} mood",
        "a {emotion} piece on {instrument}",
        "{emotion} music on {instrument}",
    ),
    "both": (
        "a {emotion} {tempo} piece in {key} {mode} on {instrument}",
        "a {emotion} {dynamics} {mode} piece on {instrument}",
        "a {emotion} {mode} tune at {bpm} bpm",
        "{emotion} {tempo} {mode} music on {instrument}",
        "a {tempo} {dynamics} piece that sounds {emotion}",
        "a {register} {articulation} tune in a {emotion} mood on {instrument}",
    ),
    "neutral": (
        "a piece",
        "a tune",
        "music",
        "a piece on {instrument}",
        "a tune on {instrument}",
        "music on {instrument}",
    ),
}
TEMPLATES: tuple[Template, ...] = tuple(
    Template(f"{level}-{k}", level, text) for level, texts in _TEXTS.items() for k, text in enumerate(texts)
)

SPARSE, BUSY = 1.0, 2.0
"""Melody notes per beat."""
STACCATO, LEGATO = 0.5, 0.9
"""Sounding fraction."""


def _word(value: float, low: float, high: float, words: tuple[str, str]) -> str:
    return words[0] if value <= low else words[1] if value >= high else ""


def instrument_words(causes: Causes) -> str:
    """Names of the melody's and the chords' instruments; programs without a name go by number."""
    melody, chords, _ = causes.voice_programs
    names = [BY_PROGRAM[p].name if p in BY_PROGRAM else f"program {p}" for p in dict.fromkeys((melody, chords))]
    return " and ".join(names + ["drums"] * causes.drums)


def words_of(causes: Causes) -> dict[str, str]:
    """Words for every cause, by the template's place names; empty where there is nothing clear to say."""
    return {
        "mode": causes.mode,
        "key": causes.tonic,
        "tempo": _word(causes.tempo, SLOW, FAST, ("slow", "fast")),
        "bpm": str(round(causes.tempo)),
        "metre": causes.metre,
        "register": "" if causes.register == 0 else causes.register_name,
        "density": _word(causes.density, SPARSE, BUSY, ("sparse", "busy")),
        "articulation": _word(causes.articulation, STACCATO, LEGATO, ("staccato", "legato")),
        "dynamics": _word(causes.dynamics, SOFT, LOUD, ("soft", "loud")),
        "chords": " ".join(causes.progression),
        "instrument": instrument_words(causes),
    }


def prompt(template: Template, causes: Causes, emotion: str = "") -> str:
    """Fill a template.

    Raises
    ------
    ValueError
        The template speaks of an emotion and none is given.
    """
    if "{emotion}" in template.text and not emotion:
        raise ValueError(f"template {template.template_id} needs an emotion word")
    words = template.text.format(**words_of(causes), emotion=emotion).split()
    agreed = [
        "an" if word == "a" and following[:1] in "aeiou" else word
        for word, following in zip(words, [*words[1:], "-"], strict=True)
    ]
    return " ".join(agreed)


def templates_of(level: Level) -> tuple[Template, ...]:
    """All templates of one level."""
    return tuple(t for t in TEMPLATES if t.level == level)


def emotion_prompts() -> pd.DataFrame:
    """Build the table of emotion prompts: id, prompt, emotion, valence, arousal, template_id.

    Every emotion through every template of the levels cue, emotion and both, its cues those that express it without
    noise, on piano; and the neutral templates, at the origin. Emotions with the same cues share a cue-only prompt.
    """
    rows: list[tuple[str, str, str, float, float, str]] = []
    for k, emotion in enumerate(EMOTIONS):
        causes = causes_for(emotion.valence, emotion.arousal, np.random.default_rng(k), noise=0.0)
        rows += [
            (f"{emotion.word}-{t.template_id}", prompt(t, causes, emotion.word), *emotion[:3], t.template_id)
            for t in TEMPLATES
            if t.level != "neutral"
        ]
    rows += [
        (f"neutral-{t.template_id}", prompt(t, Causes()), "neutral", 0.0, 0.0, t.template_id)
        for t in templates_of("neutral")
    ]
    return pd.DataFrame(rows, columns=["id", "prompt", "emotion", "valence", "arousal", "template_id"])


SONG_TEMPLATES: tuple[Template, ...] = tuple(t for t in TEMPLATES if t.template_id in ("cue-0", "cue-4", "both-0"))
"""Templates that describe whole songs: they name tempo, key and instruments."""


def write_emotion_prompts(path: Path) -> None:
    """Write `emotion_prompts` as CSV; the shipped one is resources/prompts/emotion_prompts.csv."""
    with replacing(path) as temporary:
        emotion_prompts().to_csv(temporary, index=False, lineterminator="\n")
