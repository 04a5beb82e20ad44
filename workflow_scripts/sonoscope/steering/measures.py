"""What is heard in a clip, for each of SynTheory's concepts, by measures that know nothing of any model."""

from collections.abc import Callable
from dataclasses import dataclass

from sonoscope.audio import harmony, metre
from sonoscope.audio.features import dominant_pitch_class, level
from sonoscope.audio.files import AudioArray
from sonoscope.audio.tempo import tempo
from sonoscope.settings.concepts import VALUES, slug
from sonoscope.steering.errors import ConceptError
from sonoscope.symbolic import syntheory
from sonoscope.symbolic.notes import PITCH_CLASSES

Heard = str | float | None


@dataclass(frozen=True)
class Measure:
    """One way to hear a concept."""

    name: str
    """As in tables and figures."""
    hear: Callable[[AudioArray, int], Heard]
    """Names what is heard in mono audio at a sample rate, or gives its number; None where there is nothing to hear."""
    chance: float
    """Share of hits of guessing; 0 for a number."""
    unit: str = ""
    """Of a number."""


def _note(audio: AudioArray, sample_rate: int) -> Heard:
    pitch_class = dominant_pitch_class(audio, sample_rate)
    return None if pitch_class is None else PITCH_CLASSES[pitch_class]


def _interval(audio: AudioArray, sample_rate: int) -> Heard:
    found = harmony.interval(audio, sample_rate)
    return None if found is None else str(found)


def _mode(audio: AudioArray, sample_rate: int) -> Heard:
    if level(audio).is_silent:
        return None
    found = harmony.scale(audio, sample_rate, syntheory.MODES)
    return None if found is None else found.name


def _chord(audio: AudioArray, sample_rate: int) -> Heard:
    found = harmony.chord(audio, sample_rate, {k: tuple(v) for k, v in syntheory.CHORDS.items()})
    return None if found is None else found.name


def progressions() -> dict[str, list[tuple[int, ...]]]:
    """Pitch classes above the tonic of each chord of each progression, by its name in the settings."""
    return {
        slug("simple_progressions", f"{mode}-{degrees}"): [
            tuple(syntheory.MODES[mode][(d - 1 + s) % 7] for s in (0, 2, 4)) for d in degrees
        ]
        for mode, degrees in syntheory.PROGRESSIONS
    }


def _progression(audio: AudioArray, sample_rate: int) -> Heard:
    found = harmony.progression(audio, sample_rate, dict(progressions()), 60 / syntheory.TONAL_BPM * 2)
    return None if found is None else found.name


def _steps() -> dict[float, tuple[int, ...]]:
    steps: dict[float, tuple[int, ...]] = {}
    for beats, unit in syntheory.METRES.values():
        seconds = 4 / unit * 60 / syntheory.TONAL_BPM
        steps[seconds] = (*steps.get(seconds, ()), beats)
    return steps


def _metre(audio: AudioArray, sample_rate: int) -> Heard:
    found = metre.pulse(audio, sample_rate, _steps())
    if found is None or found.per_bar is None:
        return None
    unit = round(4 * 60 / syntheory.TONAL_BPM / found.step)
    return f"{found.per_bar}-{unit}"


def _tempo(audio: AudioArray, sample_rate: int) -> Heard:
    return tempo(audio, sample_rate)


MEASURES: dict[str, Measure] = {
    "notes": Measure("chroma", _note, 1 / 12),
    "intervals": Measure("tracked pitch", _interval, 1 / 12),
    "scales": Measure("mode profile", _mode, 1 / 7),
    "chords": Measure("chord template", _chord, 1 / 4),
    "simple_progressions": Measure("chord templates", _progression, 1 / 19),
    "tempos": Measure("beat tracker", _tempo, 0.0, "beats per minute"),
    "time_signatures": Measure("accents", _metre, 1 / 8),
}
"""By concept."""


def measure_of(concept: str) -> Measure:
    """Measure of a concept.

    Raises
    ------
    ConceptError
        There is no such concept.
    """
    if concept not in MEASURES:
        raise ConceptError(f"concept {concept!r}: expected one of {', '.join(VALUES)}")
    return MEASURES[concept]


def is_hit(concept: str, target: str, heard: Heard) -> float:
    """1 if what is heard is the target, else 0; silence is a miss.

    Two progressions are the same chords in every key (6-4-1-5 in major and 1-6-3-7 in the relative minor): hearing
    either counts for both.
    """
    if heard is None:
        return 0.0
    alike = ({"ionian-6415", "aeolian-1637"},) if concept == "simple_progressions" else ()
    return float(heard == target or any({heard, target} <= pair for pair in alike))
