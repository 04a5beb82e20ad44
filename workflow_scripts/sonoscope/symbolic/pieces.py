"""Tables of composed pieces: causes, prompts and scores, one row per piece."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sonoscope.contracts import Column, Table
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import bars_for, compose
from sonoscope.symbolic.counterfactuals import counterfactual
from sonoscope.symbolic.cues import affect_of, causes_for, quadrant_of, random_causes
from sonoscope.symbolic.emotions import BY_WORD, EMOTIONS
from sonoscope.symbolic.instruments import INSTRUMENTS
from sonoscope.symbolic.prompts import LEVELS, Level, Template, prompt, templates_of
from sonoscope.symbolic.rhythm import bar_seconds
from sonoscope.symbolic.streams import Purpose, stream

PIECES = Table(
    "pieces",
    {
        "piece_id": Column("string", "Name of the piece"),
        "prompt": Column("string", "Text that asks for the piece"),
        "template_id": Column("string", "Template of the prompt; splits may hold templates out"),
        "level": Column("string", "What the prompt speaks of: cue, emotion, both or neutral"),
        "emotion": Column("string", "Emotion that the causes were drawn for, empty where they were drawn freely"),
        "mode": Column("string", "major or minor"),
        "key": Column("int64", "Pitch class of the tonic"),
        "tempo": Column("float64", "Tempo", "beats per minute"),
        "metre": Column("string", "Time signature"),
        "register": Column("int64", "Transposition", "semitones"),
        "density": Column("float64", "Melody notes per beat", "1/beat"),
        "articulation": Column("float64", "Sounding fraction of the time to the next note"),
        "dynamics": Column("int64", "Mean velocity", "MIDI velocity"),
        "progression": Column("string", "Scale degrees of the chords"),
        "programs": Column("ints", "General-MIDI programs of melody, chords, bass"),
        "drums": Column("bool", "Whether a drum kit plays along"),
        "valence": Column("float64", "What the causes express, in [-1, 1]"),
        "arousal": Column("float64", "What the causes express, in [-1, 1]"),
        "quadrant": Column("string", "Russell's quadrant of valence and arousal"),
        "seed": Column("int64", "Seed of everything that the causes leave open"),
        "midi": Column("binary", "The piece as a MIDI file"),
        "n_bars": Column("int64", "Length", "bars"),
        "seconds": Column("float64", "Length", "s"),
        "split_group": Column("string", "Pieces of one group share material and must not be divided by a split"),
    },
    key=("piece_id",),
)

PROGRAMS: tuple[int, ...] = tuple(i.program for i in INSTRUMENTS)
"""Programs that pieces are composed for by default."""
WORDS: tuple[str, ...] = tuple(e.word for e in EMOTIONS if not e.held_out)
"""Emotion words of the training vocabulary."""
_SPREAD = 0.12
"""Standard deviation of a piece's wanted affect around its emotion word."""


class Wish(NamedTuple):
    """What a piece is to be, before it is composed."""

    causes: Causes
    template: Template
    emotion: str
    seed: int


def draw_programs(rng: np.random.Generator, instruments: Sequence[int]) -> tuple[int, ...]:
    """One instrument for all voices half of the time, else one for the melody and one for the rest."""
    count = 1 + int(rng.random() < 0.5)
    return tuple(int(p) for p in rng.choice(instruments, size=min(count, len(instruments)), replace=False))


def draw(
    seed: int,
    *,
    levels: Mapping[Level, float] | None = None,
    instruments: Sequence[int] = PROGRAMS,
    drums: float = 0.0,
    emotions: Sequence[str] = WORDS,
) -> Wish:
    """Draw one wish.

    Pieces whose prompt names an emotion have causes drawn for it; the others have causes drawn independently of each
    other, so that cues and emotion words are not the same thing in the corpus.

    Parameters
    ----------
    seed : int
        Of this piece.
    levels : mapping of level to share, optional
        Equal shares by default.
    instruments : sequence of int
        Programs to choose from.
    drums : float
        Share of pieces with drums.
    emotions : sequence of str
        Words to choose from.
    """
    rng = stream(seed, Purpose.CAUSES)
    programs, with_drums = draw_programs(rng, instruments), bool(rng.random() < drums)
    shares = np.array([(levels or dict.fromkeys(LEVELS, 1.0)).get(level, 0.0) for level in LEVELS])
    words = stream(seed, Purpose.PROMPT)
    level = LEVELS[int(words.choice(len(LEVELS), p=shares / shares.sum()))]
    template = templates_of(level)[int(words.integers(len(templates_of(level))))]
    if level in ("cue", "neutral"):
        return Wish(random_causes(rng, programs, with_drums), template, "", seed)
    emotion = BY_WORD[str(words.choice(emotions))]
    valence, arousal = np.clip(np.array(emotion[1:3]) + _SPREAD * rng.standard_normal(2), -1, 1).tolist()
    causes = causes_for(valence, arousal, rng, programs=programs, drums=with_drums)
    return Wish(causes, template, emotion.word, seed)


def row(wish: Wish, piece_id: str, split_group: str, *, bars: int | None, seconds: float | None) -> dict[str, Any]:
    """Compose a wish and describe it in one row of `PIECES`."""
    causes = wish.causes
    count = bars_for(causes, seconds) if seconds is not None else bars or 8
    valence, arousal = affect_of(causes)
    return {
        "piece_id": piece_id,
        "prompt": prompt(wish.template, causes, wish.emotion),
        "template_id": wish.template.template_id,
        "level": wish.template.level,
        "emotion": wish.emotion,
        **{name: getattr(causes, name) for name in ("mode", "key", "tempo", "metre", "register", "density")},
        **{name: getattr(causes, name) for name in ("articulation", "dynamics", "progression", "drums")},
        "programs": list(causes.programs),
        "valence": valence,
        "arousal": arousal,
        "quadrant": quadrant_of(valence, arousal),
        "seed": wish.seed,
        "midi": compose(causes, wish.seed, bars=count).dumps_midi(),
        "n_bars": count,
        "seconds": count * bar_seconds(causes),
        "split_group": split_group,
    }


def piece_table(
    count: int, seed: int, *, bars: int | None = None, seconds: float | None = None, **how: Any
) -> pd.DataFrame:
    """Compose ``count`` pieces, as a table that fits `PIECES`.

    Piece ``k`` depends on ``seed`` and ``k`` alone, not on ``count``. ``how`` goes to `draw`; lengths as in `compose`.
    """
    seeds = (_seed_of(seed, k) for k in range(count))
    rows = (
        row(draw(s, **how), f"piece-{seed}-{k:06d}", f"piece-{s}", bars=bars, seconds=seconds)
        for k, s in enumerate(seeds)
    )
    return _frame(rows)


def pair_table(count: int, seed: int, cause: str, values: Sequence[Any], *, bars: int = 8, **how: Any) -> pd.DataFrame:
    """Compose ``count`` sets of pieces that differ in one cause alone, one piece per value; a set is a split group.

    The prompt of each set's template is filled from each piece's own causes; sets of causes are drawn independently.
    """
    how = {"levels": {"cue": 1.0}, **how}

    def rows() -> Iterator[dict[str, Any]]:
        for k in range(count):
            wish = draw(_seed_of(seed, k), **how)
            group = f"pair-{cause}-{seed}-{k:06d}"
            for v, value in enumerate(values):
                changed = wish._replace(causes=counterfactual(wish.causes, cause, value))
                yield row(changed, f"{group}-{v}", group, bars=bars, seconds=None)

    return _frame(rows())


def _seed_of(seed: int, k: int) -> int:
    """Seeds of different tables do not meet."""
    return int(np.random.SeedSequence((seed, k)).generate_state(1, np.uint64)[0] >> 1)


def _frame(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(PIECES.columns))
    PIECES.check(frame)
    return frame
