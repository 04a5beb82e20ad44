"""What is heard in generated clips, by measures that know nothing of the model."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from sonoscope.audio.features import dominant_pitch_class, level
from sonoscope.audio.files import AudioArray, read_audio
from sonoscope.logs import track
from sonoscope.steering.fit import ConceptError
from sonoscope.symbolic.notes import PITCH_CLASSES

Measure = Callable[[AudioArray, int], str | None]
"""Names what is heard in mono audio at a sample rate; None where there is nothing to hear."""


def heard_note(audio: AudioArray, sample_rate: int) -> str | None:
    """Name of the pitch class with most energy."""
    pitch_class = dominant_pitch_class(audio, sample_rate)
    return None if pitch_class is None else PITCH_CLASSES[pitch_class]


MEASURES: dict[str, tuple[str, Measure, float]] = {"notes": ("chroma", heard_note, 1 / 12)}
"""By concept: name of the measure, the measure, and the share of hits by chance."""


def measure_of(concept: str) -> tuple[str, Measure, float]:
    """Measure of a concept.

    Raises
    ------
    ConceptError
        There is none yet.
    """
    if concept not in MEASURES:
        raise ConceptError(f"steering.concepts: {concept!r} has no measure on audio; measured: {', '.join(MEASURES)}")
    return MEASURES[concept]


def score_clips(clips: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The clips with what is heard in them; ``score`` is 1 where it is the target. Silent clips are misses."""
    rows = []
    for clip in track(list(clips.itertuples(index=False)), "clips"):
        _, listen, _ = measure_of(str(clip.concept))
        audio, sample_rate = read_audio(folder / str(clip.audio))
        heard = listen(audio, sample_rate)
        rows.append({"score": float(heard == clip.target), "dominant": heard, **level(audio)._asdict()})
    return pd.concat([clips.reset_index(drop=True), pd.DataFrame(rows)], axis=1)
