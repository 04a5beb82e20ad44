"""Mistake 9 of the seed project (a mode template that is not turned to the tonic), acceptance test 17."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from sonoscope.audio.features import chroma
from sonoscope.interpretability.audio_table import AUDIO_FEATURES, audio_features, feature_table, key_features

RATE = 16000


def cadence(tonic, minor, seconds=0.5):
    """I-IV-V-I or i-iv-v-i of harmonic tones."""
    third = 3 if minor else 4
    time = np.arange(int(seconds * RATE)) / RATE
    out = []
    for root in (0, 5, 7, 0):
        notes = [48 + tonic + root + step for step in (0, third, 7)]
        partials = [(440 * 2 ** ((n - 69) / 12) * h, 1 / h**2) for n in notes for h in range(1, 5)]
        out.append(sum(a * np.sin(2 * np.pi * f * time) for f, a in partials) * np.hanning(len(time)))
    return (0.1 * np.concatenate(out)).astype(np.float32)


@pytest.mark.parametrize("minor", [False, True])
@pytest.mark.parametrize("tonic", range(12))
def test_mistake_9_and_acceptance_17_key_and_mode_are_found_on_every_tonic(tonic, minor):
    found = key_features(chroma(cadence(tonic, minor), RATE))
    assert found["key"] == tonic and (found["majorness"] < 0) == minor


@pytest.mark.parametrize("bpm", [75, 120, 168])
def test_acceptance_17_tempo_of_clicks_is_exact_up_to_the_octave(bpm):
    audio = np.zeros(12 * RATE, np.float32)
    rng = np.random.default_rng(0)
    for k in range(int(12 * bpm / 60)):
        start = int(k * 60 / bpm * RATE)
        burst = 0.5 * rng.standard_normal(400) * np.exp(-np.arange(400) / 60)
        audio[start : start + 400] += burst[: len(audio) - start]
    octave = np.log2(audio_features(audio, RATE)["tempo"] / bpm)
    assert abs(octave - round(octave)) < 0.01


def test_energy_is_that_of_the_raw_waveform_and_brightness_ignores_it():
    audio = cadence(0, False)
    loud, soft = audio_features(audio, RATE), audio_features(audio / 10, RATE)
    assert loud["rms"] - soft["rms"] == pytest.approx(20, abs=0.01)
    assert loud["centroid"] == pytest.approx(soft["centroid"], rel=1e-3)


def test_silence_has_no_key_and_no_tempo():
    found = audio_features(np.zeros(RATE, np.float32), RATE)
    assert found["key"] == -1 and found["tempo"] == 0 and found["rms"] == -120
    assert key_features(np.ones(12))["key"] == -1
    assert np.isfinite(list(found.values())).all()


def test_the_table_of_files_fits_its_contract(tmp_path):
    files = [tmp_path / f"{k}.wav" for k in range(2)]
    for k, file in enumerate(files):
        soundfile.write(file, cadence(k, False), RATE)
    frame = feature_table(["a", "b"], files)
    AUDIO_FEATURES.check(frame)
    assert isinstance(frame, pd.DataFrame) and frame["key"].tolist() == [0, 1]
