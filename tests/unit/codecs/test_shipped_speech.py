import re
from pathlib import Path

import numpy as np
import pytest
import torch

from sonoscope import scorecard
from sonoscope.audio.espeak import Voice, speak
from sonoscope.codecs.collapse import examine
from sonoscope.codecs.loading import load_codec
from sonoscope.codecs.speech_vae import SpeechVae
from sonoscope.contracts import read_json
from sonoscope.settings.codecs import codec_file

SHIPPED = Path(__file__).parents[3] / "resources/models"
FOLDER = SHIPPED / "sonoscope-speech"


@pytest.fixture(scope="module")
def codec():
    found = load_codec(Path(codec_file("sonoscope-speech", SHIPPED, Path("r"), Path("d"))))
    assert isinstance(found, SpeechVae)
    return found


def clip(voice):
    audio, rate = speak("The gentle merchant described the narrow bridge before winter.", Voice(voice))
    grid = np.arange(0, len(audio) - 1, rate / 24_000)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(len(grid))
    audio = np.interp(grid, np.arange(len(audio)), audio)
    return torch.from_numpy((0.07 * audio / audio.std() + noise).astype(np.float32))[None, None]


def test_its_shape_is_the_one_that_studies_expect(codec):
    assert (codec.sample_rate, codec.frame_rate, codec.dim) == (24_000, 12.5, 32)
    assert (FOLDER / "codec.safetensors").stat().st_size < 4_500_000
    assert all(bool(p.isfinite().all()) for p in codec.parameters())


@pytest.mark.parametrize("voice", ["en-us+f2", "en-gb-x-rp+m3", "en-029+linda"])
def test_a_voice_that_it_never_heard_comes_back(codec, voice):
    frames = codec.mel.frames(clip(voice), codec.stack)
    latents = codec.encode(clip(voice))
    assert (codec.spectra(latents) - frames).abs().mean() < 0.6
    wrong = codec.spectra(latents.roll(7, 1))
    assert (wrong - frames).abs().mean() > 1.0, "another moment's latents must not do as well"


def test_its_latents_have_not_collapsed(codec):
    found = examine(codec.encode(clip("en-us+f2")))
    assert found.active_units == 32 and found.effective_rank > 12 and found.lag1 < 0.9


def test_the_card_says_what_the_measures_say():
    card, measures = (FOLDER / "README.md").read_text(), read_json(FOLDER / "measures.json")["unheard"]
    rows = {row.name: row for row in scorecard.read(FOLDER / "scorecard.json")}
    for name in ("mel_l1", "mel_r2"):
        row = rows[f"world.speech.{name}"]
        assert row.value == pytest.approx(measures[name]) and row.baseline == pytest.approx(measures[f"pca_{name}"])
        assert f"| {row.value:.3f} | {row.low:.3f} – {row.high:.3f} | {row.baseline:.3f} |" in card
    assert re.search(rf"\| {measures['kl_per_frame']:.1f} nats per frame \|", card)
    assert f"| {measures['effective_rank']:.1f} of 32 |" in card
