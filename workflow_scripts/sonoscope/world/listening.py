"""What is heard in each clip, by measures that know nothing of the model."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import librosa
import numpy as np
import pandas as pd

from sonoscope.audio.features import dominant_pitch_class, level
from sonoscope.audio.files import AudioArray, read_audio
from sonoscope.audio.key import mode_on
from sonoscope.audio.pitch import cents, pitch
from sonoscope.audio.tempo import tempo
from sonoscope.audio.timbre import FamilyClassifier
from sonoscope.logs import track
from sonoscope.settings.measure_musicgen import MeasureMusicGen
from sonoscope.symbolic.instruments import INSTRUMENTS
from sonoscope.symbolic.notes import PITCH_CLASSES
from sonoscope.world.answers import renders
from sonoscope.world.questions import Question, codec_questions, plain_notes, questions

TEMPO_TOLERANCE = 0.08
"""Largest relative error of a right tempo; half and double are wrong."""
PITCH_TOLERANCE = 20.0
"""Largest error of a right pitch after the codec, in cents."""

_FAMILY = {i.name: i.family for i in INSTRUMENTS}
Heard = dict[str, Any]


def listen(answers: pd.DataFrame, s: MeasureMusicGen, seed: int) -> pd.DataFrame:
    """One row per clip and measure, as `sonoscope.contracts.learned.HEARD` declares, true renders included.

    Parameters
    ----------
    answers : DataFrame
        As `sonoscope.contracts.learned.ANSWERS` declares; the questions are laid out again from ``s`` and ``seed``.
    """
    keys = zip(answers["origin"], answers["clip_id"], strict=True)
    clips = {key: read_audio(source["bytes"]) for key, source in zip(keys, answers["audio"], strict=True)}
    rate = next(iter(clips.values()))[1]
    ears = train_classifier(s, rate, seed)
    rows: list[Heard] = []
    for question in track(questions(s, seed), "questions"):
        truth = next(renders([question], rate, s.seconds))
        for origin, audio in (("model", clips["model", question.clip_id][0]), ("render", truth)):
            rows += _rows(question, origin, audio, hear(question, audio, rate, ears))
    for question in track(codec_questions(s, seed), "codec notes"):
        original = next(renders([question], rate, s.seconds))
        audio = clips["codec", question.clip_id][0]
        rows += _rows(question, "codec", audio, hear_codec(question, original, audio, rate, ears))
    return pd.DataFrame(rows)


@lru_cache(maxsize=1)
def train_classifier(s: MeasureMusicGen, sample_rate: int, seed: int) -> FamilyClassifier:
    """A classifier that has heard renders alone, and none of the held-out combinations of pitch and instrument."""
    notes = plain_notes(s.classifier_clips, int(np.random.SeedSequence([seed, 8]).generate_state(1)[0]), held_out=False)
    families = [_FAMILY[q.instrument] for q in notes]
    return FamilyClassifier().fit(list(renders(notes, sample_rate, s.seconds)), families, sample_rate, seed)


def hear(question: Question, audio: AudioArray, rate: int, ears: FamilyClassifier) -> Mapping[str, Heard]:
    """What is heard in a clip that answers a question, by measure."""
    found: dict[str, Heard] = {}
    match question.measure:
        case "note" | "new_note":
            found[question.measure] = _match(_note(audio, rate), question.wanted)
        case "open_note":
            found["open_note"] = {"wanted": "", "heard": _note(audio, rate)}
        case "mode":
            found["mode"] = _match(mode_on(audio, rate, question.tonic), question.wanted)
        case "tempo" | "new_tempo":
            found[question.measure] = _tempo(tempo(audio, rate), float(question.wanted))
        case "loudness":
            found["loudness"] = {"wanted": question.wanted, "value": _decibels(audio)}
        case "register":
            found["register"] = {"wanted": question.wanted, "value": _height(audio, rate)}
    if question.measure in ("note", "new_note", "open_note"):
        found["instrument"] = _match(ears.predict(audio, rate), _FAMILY[question.instrument])
    return found


def hear_codec(
    question: Question, original: AudioArray, audio: AudioArray, rate: int, ears: FamilyClassifier
) -> Mapping[str, Heard]:
    """What the codec leaves of a render: its pitch against that of the original, its note and its instrument."""
    before, after = pitch(original, rate), pitch(audio, rate)
    found = {
        "codec_note": _match(_note(audio, rate), question.wanted),
        "codec_instrument": _match(ears.predict(audio, rate), _FAMILY[question.instrument]),
        "codec_log_mel": {"wanted": "", "value": log_mel_distance(original, audio, rate)},
    }
    if before is not None:  # where the measure hears no pitch in the original, it cannot judge the codec
        error = None if after is None else cents(after, before)
        right = float(error is not None and abs(error) <= PITCH_TOLERANCE)
        found["codec_pitch"] = {"wanted": f"{before:.2f}", "value": error, "score": right}
    return found


def log_mel_distance(first: AudioArray, second: AudioArray, sample_rate: int) -> float:
    """Mean absolute difference of two clips' log-mel spectra (natural logarithm of 64 bands, floor 1e-5)."""
    mels = [
        np.log(librosa.feature.melspectrogram(y=x, sr=sample_rate, n_fft=1024, hop_length=256, n_mels=64) + 1e-5)
        for x in (first, second)
    ]
    return float(np.abs(mels[0] - mels[1]).mean())


def _note(audio: AudioArray, rate: int) -> str | None:
    pitch_class = dominant_pitch_class(audio, rate)
    return None if pitch_class is None else PITCH_CLASSES[pitch_class]


def _match(heard: str | None, wanted: str) -> Heard:
    return {"wanted": wanted, "heard": heard, "score": float(heard == wanted)}


def _tempo(found: float | None, wanted: float) -> Heard:
    right = found is not None and abs(found / wanted - 1) <= TEMPO_TOLERANCE
    return {"wanted": f"{wanted:g}", "value": found, "score": float(right)}


def _decibels(audio: AudioArray) -> float:
    return float(20 * np.log10(max(level(audio).rms, 1e-6)))


def _height(audio: AudioArray, rate: int) -> float | None:
    """Fundamental frequency, or the centre of the spectrum where there is no clear pitch, in hertz."""
    if level(audio).is_silent:
        return None
    found = pitch(audio, rate)
    if found is not None:
        return found
    return float(np.median(librosa.feature.spectral_centroid(y=audio, sr=rate)))


def _rows(question: Question, origin: str, audio: AudioArray, found: Mapping[str, Heard]) -> Iterator[Heard]:
    silent = level(audio).is_silent
    for measure, heard in found.items():
        yield {
            "clip_id": question.clip_id, "origin": origin, "measure": measure, "prompt": question.prompt,
            "heard": None, "value": None, "score": None, "pair": question.pair, "is_silent": silent, **heard,
        }  # fmt: skip
