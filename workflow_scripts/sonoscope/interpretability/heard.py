"""Rendered pieces for the study: controlled and free causes, and counterfactual triples for the mediation analysis."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from sonoscope.audio.files import AudioArray, to_flac
from sonoscope.audio.soundfont import render
from sonoscope.logs import track
from sonoscope.settings.interpretability import HeardPieces
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import affect_of, random_causes
from sonoscope.symbolic.pieces import PROGRAMS

SLOW, FAST = 75.0, 165.0
"""Beats per minute of the counterfactual versions."""
SOFT, LOUD = 46, 94
"""Mean velocity without and with the energy that fast playing brings."""
ARMS: tuple[tuple[str, float, int], ...] = (
    ("slow_soft", SLOW, SOFT),
    ("fast_soft", FAST, SOFT),
    ("fast_loud", FAST, LOUD),
)
"""Versions of one piece: Y(0, M(0)), Y(1, M(0)) and Y(1, M(1)) where tempo is X and energy is M."""
CONTROLLED = Causes(density=1.0)
"""What controlled pieces share. One melody note per beat: the beat sounds, and tempo can be heard in four seconds."""
_VARIED: tuple[str, ...] = ("mode", "tempo", "dynamics", "progression")
"""Causes of controlled pieces that are drawn: the judged cues, and chords that suit the mode."""


def true_effects() -> tuple[float, float]:
    """Natural direct and indirect effect of the arms on arousal, by the composer's law."""
    base = Causes()
    values = [affect_of(replace(base, tempo=tempo, dynamics=dynamics))[1] for _, tempo, dynamics in ARMS]
    return values[1] - values[0], values[2] - values[1]


def energy(audio: AudioArray) -> float:
    """Root mean square of the raw waveform in decibels of full scale, at least -120."""
    return float(20 * np.log10(max(float(np.sqrt(np.square(audio, dtype=np.float64).mean())), 1e-6)))


def heard_pieces(settings: HeardPieces, seconds: float, sample_rate: int, seed: int) -> pd.DataFrame:
    """All pieces as a table that fits `sonoscope.contracts.interpretability.PIECES`."""
    rng = np.random.default_rng(seed)
    wanted: list[tuple[str, str, Causes, int]] = [
        (f"controlled-{k:04d}", "controlled", _controlled(rng), int(rng.integers(2**31)))
        for k in range(settings.controlled)
    ]
    for k in range(settings.count):
        free = _causes(rng, settings.held)
        wanted.append((f"free-{k:04d}", "free", free, int(rng.integers(2**31))))
    for k in range(settings.units):
        causes, own = _controlled(rng), int(rng.integers(2**31))
        for arm, tempo, dynamics in ARMS:
            changed = replace(causes, tempo=tempo, dynamics=dynamics)
            wanted.append((f"unit-{k:04d}-{arm}", arm, changed, own))
    return pd.DataFrame([_row(*one, seconds, sample_rate) for one in track(wanted, "pieces")])


def _controlled(rng: np.random.Generator) -> Causes:
    """Mode, tempo and dynamics drawn independently; the rest as in `CONTROLLED`."""
    drawn = random_causes(rng, CONTROLLED.programs)
    return replace(CONTROLLED, **{name: getattr(drawn, name) for name in _VARIED})


def _causes(rng: np.random.Generator, held: Sequence[str]) -> Causes:
    """Independently drawn causes, but for those that are ``held`` at their usual value."""
    drawn, usual = random_causes(rng, (int(rng.choice(PROGRAMS)),)), Causes()
    kept: dict[str, Any] = {name: getattr(usual, name) for name in held}
    return replace(drawn, **kept)


def _row(clip_id: str, arm: str, causes: Causes, seed: int, seconds: float, sample_rate: int) -> dict[str, Any]:
    audio = render(compose(causes, seed, seconds=seconds), sample_rate, seconds)
    valence, arousal = affect_of(causes)
    return {
        "clip_id": clip_id, "audio": {"bytes": to_flac(audio, sample_rate), "path": f"{clip_id}.flac"}, "arm": arm,
        "group": clip_id if arm in ("controlled", "free") else clip_id.rsplit("-", 1)[0], "energy": energy(audio),
        "mode": causes.mode, "tempo": causes.tempo, "dynamics": causes.dynamics, "register": causes.register,
        "valence": valence, "arousal": arousal,
    }  # fmt: skip


TEXTS: dict[str, tuple[str, str]] = {
    "mode": ("a minor piece", "a major piece"),
    "tempo": ("a slow piece", "a fast piece"),
    "loudness": ("a soft piece", "a loud piece"),
    "valence": ("a sad piece", "a happy piece"),
    "arousal": ("a calm piece", "an energetic piece"),
}
"""What is said of a piece, low and high, by cue."""


def all_texts() -> list[str]:
    """The texts, low and high of each cue in turn."""
    return [text for pair in TEXTS.values() for text in pair]


def targets(pieces: pd.DataFrame) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Values of each cue, as probes read them: mode 0 or 1, tempo in octaves, loudness in dB, dynamics as velocity.

    Loudness is what sounds. Velocity, its cause, cannot be heard from one clip: an instrument and a register have a
    loudness of their own.
    """
    return {
        "mode": (pieces["mode"] == "major").to_numpy(float),
        "tempo": np.log2(pieces["tempo"].to_numpy(float)),
        "loudness": pieces["energy"].to_numpy(float),
        "dynamics": pieces["dynamics"].to_numpy(float),
        "register": pieces["register"].to_numpy(float) / 12,
        "valence": pieces["valence"].to_numpy(float),
        "arousal": pieces["arousal"].to_numpy(float),
    }


def chosen_prompts(table: pd.DataFrame, words: Sequence[str], count: int) -> pd.DataFrame:
    """``count`` prompts of each emotion, the same templates for all: those that name the emotion and those of cues.

    Raises
    ------
    ValueError
        An emotion has fewer prompts.
    """
    parts = []
    for word in words:
        own = table[table["emotion"] == word]
        named = own[own["template_id"].str.startswith("emotion")]
        cues = own[own["template_id"].str.startswith("cue")]
        mixed = pd.concat([named.iloc[: (count + 1) // 2], cues.iloc[: count // 2]])
        if len(mixed) < count:
            raise ValueError(f"emotions.prompts: expected at most {len(mixed)} for {word}, found {count}")
        parts.append(mixed)
    return pd.concat(parts, ignore_index=True)
