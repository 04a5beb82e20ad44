import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import EncodecConfig, EncodecModel, MimiConfig, MimiModel
from transformers.models.pocket_tts_audio_tokenizer import (
    PocketTTSAudioTokenizerConfig,
    PocketTTSAudioTokenizerModel,
)

from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.codecs.loading import load_codec
from sonoscope.codecs.mel_pca import MelPca
from sonoscope.codecs.neural import CodecError
from sonoscope.codecs.random_projection import randomised
from sonoscope.codecs.speech_vae import SpeechVae
from sonoscope.dynamics.encoding import encode_all
from sonoscope.settings.codecs import SpeechCodecGeometry, codec_file

ROOT = Path(__file__).parents[3]


def small_mimi() -> MimiModel:
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 64}
    quantiser = {"codebook_dim": 16, "vector_quantization_hidden_dimension": 16, "codebook_size": 16}
    return MimiModel(
        MimiConfig(
            hidden_size=32,
            num_filters=4,
            num_hidden_layers=1,
            upsample_groups=32,
            num_quantizers=4,
            **heads,
            **quantiser,
        )
    )


def small_encodec(**changes) -> EncodecModel:
    return EncodecModel(EncodecConfig(num_filters=4, hidden_size=16, num_lstm_layers=1, codebook_size=16, **changes))


def small_pocket() -> PocketTTSAudioTokenizerModel:
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 64}
    return PocketTTSAudioTokenizerModel(
        PocketTTSAudioTokenizerConfig(hidden_size=32, num_filters=4, num_hidden_layers=1, upsample_groups=32, **heads)
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Randomly initialised stand-ins, in the layouts in which the real ones are published."""
    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("models")
    for name, model in (("mimi", small_mimi()), ("encodec_24khz", small_encodec()), ("pocket", small_pocket())):
        model.save_pretrained(place / name)
        (place / name / "fetched.json").write_text("{}")
    audio = 0.1 * torch.randn(1, 1, 48_000, generator=torch.Generator().manual_seed(0))
    MelPca.fit([audio], 8).save(place / "mel-pca-8" / "codec.safetensors")
    SpeechVae(SpeechCodecGeometry(dim=8, width=8)).save(place / "sonoscope-speech" / "codec.safetensors")
    return place


FILES = {
    "mimi": (24_000, 12.5, 32),
    "encodec_24khz": (24_000, 75.0, 16),
    "pocket": (24_000, 12.5, 32),
    "mel-pca-8": (24_000, 12.5, 8),
    "sonoscope-speech": (24_000, 12.5, 8),
}


@pytest.mark.parametrize("name", FILES)
def test_every_codec_keeps_one_contract(folders, name):
    own = folders / name / "codec.safetensors"
    codec: ContinuousCodec = load_codec(own if own.is_file() else folders / name / "fetched.json")
    assert codec.name == name
    assert (codec.sample_rate, codec.frame_rate, codec.dim) == FILES[name]
    audio = 0.1 * torch.randn(2, 1, 10_001, generator=torch.Generator().manual_seed(1))
    latents = codec.encode(audio)
    frames = math.ceil(10_001 * codec.frame_rate / codec.sample_rate)
    assert latents.shape == (2, frames, codec.dim) and not latents.requires_grad
    assert torch.equal(latents, codec.encode(audio))
    decoded = codec.decode(latents)
    assert decoded.shape == (2, 1, round(frames * codec.sample_rate / codec.frame_rate)) and decoded.isfinite().all()


def test_the_random_control_keeps_dimensions_and_knows_nothing(folders):
    file = folders / "mel-pca-8" / "codec.safetensors"
    codec, control = load_codec(file), load_codec(file, "random-projection-8")
    assert isinstance(codec, MelPca) and isinstance(control, MelPca)
    assert control.name == "random-projection-8" and control.frame_rate == codec.frame_rate
    assert torch.allclose(control.components @ control.components.T, torch.eye(8), atol=1e-5)
    assert torch.equal(control.components, randomised(codec, 8).components)
    clips = [0.1 * torch.randn(1, 1, n, generator=torch.Generator().manual_seed(3)) for n in (48_000, 36_000)]
    latents, energy = encode_all(control, clips)
    assert [len(x) for x in latents] == [25, 19] and len(energy) == 44


def test_mimis_latents_are_what_its_own_quantiser_takes(folders):
    codec, theirs = load_codec(folders / "mimi"), MimiModel.from_pretrained(folders / "mimi").eval()
    audio = 0.1 * torch.randn(1, 1, 1920 * 6, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        codes = theirs.encode(audio).audio_codes
        ours = theirs.quantizer.encode(codec.encode(audio).transpose(1, 2)).transpose(0, 1)
    assert torch.equal(ours, codes)


def test_encodecs_latents_are_what_its_own_quantiser_takes(folders):
    codec, theirs = (
        load_codec(folders / "encodec_24khz"),
        EncodecModel.from_pretrained(folders / "encodec_24khz").eval(),
    )
    audio = 0.1 * torch.randn(1, 1, 320 * 20, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        codes = theirs.encode(audio, bandwidth=1.5).audio_codes[0]
        ours = theirs.quantizer.encode(codec.encode(audio).transpose(1, 2), 1.5).transpose(0, 1)
    assert torch.equal(ours, codes)


def test_the_codec_of_a_musicgen_in_audiocrafts_layout():
    codec = load_codec(Path(codec_file("sonoscope-musicgen", ROOT / "resources/models", Path("r"), Path("d"))))
    time = np.arange(2 * codec.sample_rate) / codec.sample_rate
    audio = torch.from_numpy(0.3 * np.sin(2 * np.pi * 440 * time).astype(np.float32))[None, None]
    latents = codec.encode(audio)
    assert latents.shape[1] == 2 * codec.frame_rate and latents.std() > 0
    decoded = codec.decode(latents)[0, 0].numpy()
    peak = np.argmax(np.abs(np.fft.rfft(decoded))) / 2
    assert peak == pytest.approx(440, rel=0.02)


def test_what_is_no_codec_is_refused(folders, tmp_path):
    with pytest.raises(CodecError, match="found neither; fetch"):
        load_codec(tmp_path / "fetched.json")
    with pytest.raises(CodecError, match="expected the file of a codec"):
        load_codec(tmp_path / "codec.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(CodecError, match="expected one of encodec, mimi"):
        load_codec(tmp_path)
    small_encodec(normalize=True).save_pretrained(tmp_path / "scaled")
    with pytest.raises(CodecError, match="rescales each clip"):
        load_codec(tmp_path / "scaled")
    small_encodec(audio_channels=2).save_pretrained(tmp_path / "stereo")
    with pytest.raises(CodecError, match="expected a mono codec, found 2"):
        load_codec(tmp_path / "stereo")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_bytes((folders / "mimi" / "config.json").read_bytes())
    with pytest.raises(CodecError, match="expected the weights of mimi"):
        load_codec(tmp_path / "empty")


def test_names_lead_to_files(tmp_path):
    places = (Path("m"), Path("r"), Path("d"))
    assert codec_file("mel-pca-64", *places) == "r/codecs/mel-pca-64/codec.safetensors"
    assert codec_file("sonoscope-speech", *places) == "m/sonoscope-speech/codec.safetensors"
    assert codec_file("random-projection-64", *places) == "r/codecs/mel-pca-64/codec.safetensors"
    assert codec_file("random-encodec", *places) == "r/models/random/compression_state_dict.bin"
    assert codec_file("mimi", *places) == "d/models/mimi/fetched.json"
    (tmp_path / "config.json").write_text("{}")
    assert codec_file("mine", *places, folder=str(tmp_path)) == str(tmp_path / "config.json")
    with pytest.raises(ValueError, match="or a folder, found 'mini'"):
        codec_file("mini", *places)
