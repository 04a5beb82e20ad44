import librosa
import numpy as np
import pytest

from sonoscope.audio import espeak
from sonoscope.audio.espeak import SpeechError, Voice, speak

TEXT = "The old sailor crossed the quiet river before winter."


def pitch(audio, rate):
    f0, voiced, _ = librosa.pyin(audio, fmin=50, fmax=500, sr=rate)
    return float(np.median(f0[voiced]))


def test_voices_differ_in_pitch_and_pace_as_they_should():
    man, rate = speak(TEXT, Voice("en-us+m3"))
    woman, _ = speak(TEXT, Voice("en-us+f2"))
    slow, _ = speak(TEXT, Voice("en-us+m3", rate=100))
    assert rate == 22050
    assert 1.5 < len(man) / rate < 6
    assert 60 < pitch(man, rate) < 150 < pitch(woman, rate) < 280
    assert len(slow) > 1.3 * len(man)
    assert np.abs(man).max() <= 1 and np.abs(man).max() > 0.05


def test_the_same_text_is_spoken_alike_but_perhaps_not_to_the_bit():
    a, rate = speak(TEXT, Voice("en-gb-x-rp+f1"))
    speak("Something else.", Voice("en-us+m1"))
    b, _ = speak(TEXT, Voice("en-gb-x-rp+f1"))
    assert abs(len(a) - len(b)) < 0.02 * rate
    assert pitch(a, rate) == pytest.approx(pitch(b, rate), rel=0.05)


@pytest.mark.parametrize("name", ["en-gb", "nonsense", "mb-us1"])
def test_an_unknown_voice_is_an_error_and_not_the_voice_before(name):
    with pytest.raises(SpeechError, match=f"no voice '{name}'"):
        speak(TEXT, Voice(name))


def test_a_long_data_path_is_shortened(tmp_path):
    deep = tmp_path / ("x" * 150) / "espeak-ng-data"
    deep.mkdir(parents=True)
    (deep / "phontab").write_text("here")
    short = espeak._short(deep)
    assert len(str(short)) < 120 and (short / "phontab").read_text() == "here"
    assert espeak._short(tmp_path) == tmp_path or len(str(tmp_path)) > 120
