"""Objective measures against closed forms, and against what they must do."""

import math

import numpy as np
import pytest

from sonoscope.audio import objective
from sonoscope.audio.objective import MEASURES, has_pesq, log_mel_distance, scores, si_sdr, stoi

RATE = 24_000


def speech_like(seconds: float = 1.5, rate: int = RATE) -> np.ndarray:
    """A buzz whose formants and loudness move as syllables do."""
    t = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * t + k) / k for k in range(1, 30))
    syllables = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * t)
    return (0.2 * syllables * buzz * (1 + 0.5 * np.sin(2 * np.pi * 1.3 * t))).astype(np.float32)


def noise(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n).astype(np.float32)


def test_the_reference_itself_is_perfect():
    clean = speech_like()
    found = scores(clean, clean, RATE)
    assert list(found) == list(MEASURES)
    assert found["log_mel_distance"] == 0 and found["modulation_distance"] == 0
    assert found["si_sdr"] == 100
    assert found["stoi"] == pytest.approx(1, abs=1e-6)


def test_every_measure_gets_worse_with_noise():
    clean = speech_like()
    little, much = (scores(clean + level * noise(len(clean)), clean, RATE) for level in (0.01, 0.2))
    for name, measure in MEASURES.items():
        if little[name] is not None:
            assert (little[name] < much[name]) == (measure.better == "lower"), name


@pytest.mark.parametrize("decibels", [-5.0, 0.0, 20.0])
def test_si_sdr_of_orthogonal_noise_is_its_level_and_forgets_scale(decibels):
    t = np.arange(RATE) / RATE
    s, n = np.sin(2 * np.pi * 100 * t), np.sin(2 * np.pi * 200 * t)  # orthogonal, of equal energy
    heard = (0.1 * (s + 10 ** (-decibels / 20) * n)).astype(np.float32)
    assert si_sdr(heard, s.astype(np.float32)) == pytest.approx(decibels, abs=1e-3)


def test_log_mel_distance_of_a_gain_is_its_logarithm():
    loud = 0.3 * noise(RATE)
    assert log_mel_distance(loud / 2, loud, RATE) == pytest.approx(math.log(2), abs=0.01)


def test_rates_do_not_matter_where_no_band_is_lost():
    clean = speech_like(rate=48_000)
    other = clean + 0.02 * noise(len(clean))
    low = [objective.resampled(x, 48_000, RATE) for x in (other, clean)]
    assert log_mel_distance(other, clean, 48_000) == pytest.approx(log_mel_distance(*low, RATE), rel=1e-5)


def test_what_has_no_value_is_none_and_lengths_may_differ():
    clean, silence = speech_like(), np.zeros(RATE, dtype=np.float32)
    assert si_sdr(clean, silence) is None and stoi(clean, silence, RATE) is None
    assert stoi(clean[:2000], clean[:2000], RATE) is None
    assert si_sdr(clean[:-7], clean) == 100
    assert si_sdr(silence, clean) == -100
    with pytest.raises(ValueError, match="found 0 and"):
        si_sdr(clean[:0], clean)


def test_without_its_package_pesq_is_none_and_said_once(monkeypatch, caplog):
    monkeypatch.setattr(objective, "find_spec", lambda _: None)
    objective._say_once.cache_clear()
    clean = speech_like()
    with caplog.at_level("INFO"):
        assert objective.pesq(clean, clean, RATE) is None and objective.pesq(clean, clean, RATE) is None
    assert [r.message for r in caplog.records] == [objective.PESQ_ABSENT]


@pytest.mark.skipif(not has_pesq(), reason="the optional package pesq is not installed")
def test_pesq_falls_with_noise():
    clean = speech_like(3.0)
    same, noisy = (objective.pesq(x, clean, RATE) for x in (clean, clean + 0.2 * noise(len(clean))))
    assert same is not None and noisy is not None
    assert same > 4.5 > 2.5 > noisy
